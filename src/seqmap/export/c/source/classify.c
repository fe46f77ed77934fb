/* ---- symbols ------------------------------------------------------------------------------------ */

#if SM_STORES
static uint32_t sm_symbol_at(const @p@_state *state, int place)
{
#if SM_HEAD < @P@_SYMBOLS
    /* The first SM_HEAD symbols stand still; the latest others take turns behind them. */
    if (place >= SM_HEAD && state->symbols > @P@_SYMBOLS) {
        const uint32_t first = state->symbols - @P@_SYMBOLS;
        return state->ids[SM_HEAD + (first + (uint32_t)(place - SM_HEAD)) % (@P@_SYMBOLS - SM_HEAD)];
    }
#endif
    return state->ids[place];
}
#endif

static void sm_symbol(@p@_state *state, uint32_t symbol)
{
    const uint32_t place = state->symbols++;

#if SM_FORWARD
    if (state->streams) {
        sm_read(state, symbol);
        return;
    }
#endif
#if SM_STORES
    if (place < @P@_SYMBOLS)
        state->ids[place] = (@p@_id)symbol;
#if SM_HEAD < @P@_SYMBOLS
    else
        state->ids[SM_HEAD + (place - SM_HEAD) % (@P@_SYMBOLS - SM_HEAD)] = (@p@_id)symbol;
#endif
#else
    if (place < @P@_SYMBOLS)
        sm_read(state, symbol);
#endif
}

#if SM_SPLITS
static void sm_word(@p@_state *state, const uint32_t *surface, int length)
{
    int size = sm_fold_symbol(state->symbol, SM_LONGEST, &SM_FOLDING_WORDS, surface, length);

    size = sm_leaders(state->symbol, size);
#if SM_UNIT_WORD
    sm_symbol(state, sm_find(&sm_symbols, state->symbol, size));
#endif
#if SM_WIDE_WORDS
#if SM_UNIT_WORD && !SM_LOWERCASE
    size = sm_fold_symbol(state->symbol, SM_LONGEST, &sm_folding_lower, surface, length);
    size = sm_leaders(state->symbol, size);
#endif
    sm_wide_word(state, state->symbol, size);
#endif
}
#endif

static void sm_char(@p@_state *state, uint32_t point)
{
    const unsigned kind = sm_kind(point);

#if SM_SPLITS
    sm_split_char(state, point, kind);
#endif
#if SM_UNIT_CHAR
    if (kind & SM_BLANK) {
        state->blank = 1;
    } else {
        int size;
        if (state->blank)
            sm_symbol(state, sm_find(&sm_symbols, (const unsigned char *)" ", 1));
        state->blank = 0;
        size = sm_fold_symbol(state->symbol, SM_LONGEST, &sm_folding_symbols, &point, 1);
        sm_symbol(state, sm_find(&sm_symbols, state->symbol, size));
    }
#endif
#if SM_WIDE_CHARS
    sm_wide_char(state, point, kind);
#endif
}

static void sm_begin(@p@_state *state)
{
    state->need = 0;
    state->open_count = 0;
    state->symbols = 0;
#if SM_SPLITS
    state->held_count = 0;
#endif
#if SM_UNIT_CHAR
    state->blank = 0;
#endif
#if SM_WIDE
    sm_wide_begin(state);
#endif
#if SM_FORWARD
    sm_network_begin(state);
#endif
}

static void sm_end(@p@_state *state)
{
    sm_bytes_end(state);
    sm_break_end(state);
#if SM_SPLITS
    sm_split(state, 1);
#endif
#if SM_UNIT_CHAR
    if (state->blank)
        sm_symbol(state, sm_find(&sm_symbols, (const unsigned char *)" ", 1));
    state->blank = 0;
#endif
#if SM_WIDE_CHARS
    sm_wide_char(state, ' ', SM_BLANK);
#endif
}

/* ---- answers -------------------------------------------------------------------------------------- */

/* Turn state->pooled into calibrated probabilities; returns the most probable class. */
static int sm_answer(@p@_state *state, float *probabilities)
{
    float logits[@P@_CLASSES];
    double scores[@P@_CLASSES];
    int best = 0;

    memcpy(logits, sm_head_bias, sizeof logits);
    sm_add_product(logits, &sm_head, state->pooled);
    for (int c = 0; c < @P@_CLASSES; c++)
        scores[c] = sm_bias[c] + SM_DEEP_FACTOR * (double)logits[c];
#if SM_WIDE
    sm_wide_scores(state, scores);
#endif
    for (int c = 1; c < @P@_CLASSES; c++)
        if (scores[c] > scores[best])
            best = c;
#if @P@_MULTI
    for (int c = 0; c < @P@_CLASSES; c++)
        probabilities[c] = (float)(1.0 / (1.0 + exp(-scores[c])));
#else
    double total = 0.0;
    for (int c = 0; c < @P@_CLASSES; c++)
        total += exp(scores[c] - scores[best]);
    for (int c = 0; c < @P@_CLASSES; c++)
        probabilities[c] = (float)(exp(scores[c] - scores[best]) / total);
#endif
    return best;
}

int @p@_classify(@p@_state *state, const char *text, size_t size,
                 float probabilities[@P@_CLASSES])
{
#if SM_FORWARD
    state->streams = 0;
#endif
    sm_begin(state);
    sm_bytes(state, text, size);
    sm_end(state);
#if SM_WIDE
    if (state->full)
        return @P@_TOO_LONG;
#endif
#if SM_STORES
    const int count = (int)(state->symbols < @P@_SYMBOLS ? state->symbols : @P@_SYMBOLS);
#if SM_FORWARD
    for (int place = 0; place < count; place++)
        sm_read(state, sm_symbol_at(state, place));
#else
    sm_read_all(state, count);
#endif
#endif
    sm_pool_end(state);
    return sm_answer(state, probabilities);
}

#if @P@_STREAMS
void @p@_begin(@p@_state *state)
{
    state->streams = 1;
    sm_begin(state);
}

void @p@_feed(@p@_state *state, const char *piece, size_t size) { sm_bytes(state, piece, size); }

void @p@_end(@p@_state *state) { sm_end(state); }

int @p@_result(@p@_state *state, float probabilities[@P@_CLASSES])
{
    sm_pool_end(state);
    return sm_answer(state, probabilities);
}
#endif

const char *const @p@_labels[@P@_CLASSES] = {@labels@};
