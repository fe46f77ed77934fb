/* ---- the network -------------------------------------------------------------------------------------- */

#if SM_LETTERS
/* The last states of an LSTM over the letters, in both directions. */
static void sm_spell(@p@_state *state, float *out, int count)
{
    for (int side = 0; side < 2; side++) {
        float *const h = out + side * SM_LETTER_HIDDEN;
        memset(h, 0, SM_LETTER_HIDDEN * sizeof *h);
        memset(state->c, 0, sizeof state->c);
        for (int k = 0; k < count; k++) {
            sm_row(state->letter, &sm_letter_vectors, state->letters[side ? count - 1 - k : k]);
            sm_step(&sm_speller[side], state->letter, h, state->c, state->scratch);
        }
    }
}
#endif

/* Put what the network reads of a token together. */
static void sm_token(@p@_state *state, const char *text, int place, int count)
{
    float *x = state->inputs[place];
    sm_form form;
    const int letters = sm_form_read(state, &form, text, &state->tokens[place]);

    sm_row(x, &sm_word_vectors, sm_find(&sm_words, state->symbol, form.size));
    x += SM_WORD_SIZE;
#if SM_LETTERS
    sm_spell(state, x, letters);
    x += 2 * SM_LETTER_HIDDEN;
#else
    (void)letters;
#endif
#if SM_SHAPES
    sm_row(x, &sm_shape_vectors, (uint32_t)sm_shape_class(&form));
#endif
    state->hashes[place][0] = sm_mix(form.word[0] | (uint64_t)form.word[1] << 32);
    state->hashes[place][1] = sm_mix(form.drawn[0] | (uint64_t)form.drawn[1] << 32);
#if SM_FEATURES
    sm_form_features(state, &form, place, count);
#else
    (void)count;
#endif
}

#if SM_PAIRS || SM_FEATURES
static uint32_t sm_pair(uint64_t first, uint64_t second, uint64_t kind)
{
    return (uint32_t)(sm_mix((first + kind) * 0x9e3779b97f4a7c15u + second) >> 32);
}

/* What a token and its neighbours are together. */
static void sm_pairs_of(@p@_state *state, int place, int count)
{
    const uint64_t *const here = state->hashes[place];
    const uint64_t next = place + 1 < count ? state->hashes[place + 1][0] : 0;
    const uint64_t drawn = place + 1 < count ? state->hashes[place + 1][1] : 0;
    const uint64_t second = place + 2 < count ? state->hashes[place + 2][0] : 0;
    const uint32_t words = sm_pair(here[0], next, 0);

#if SM_PAIRS
    uint32_t low = 0, high = SM_PAIRS;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (sm_pair_keys[middle] < words)
            low = middle + 1;
        else
            high = middle;
    }
    sm_row(state->inputs[place] + SM_INPUT - SM_PAIR_SIZE, &sm_pair_vectors,
           low < SM_PAIRS && sm_pair_keys[low] == words ? low + 1 : 0);
#endif
#if SM_FEATURES
    sm_add_feature(state, place, count, words);
    sm_add_feature(state, place, count, sm_pair(here[1], drawn, 1));
    sm_add_feature(state, place, count, sm_pair(here[0], second, 2));
#else
    (void)drawn, (void)second;
#endif
}
#endif

/* Read the window's tokens: state->emissions then holds the scores of all tags. */
static void sm_read_window(@p@_state *state, const char *text, int count)
{
    for (int place = 0; place < count; place++)
        memcpy(state->emissions[place], sm_output_bias, sizeof sm_output_bias);
    for (int place = 0; place < count; place++)
        sm_token(state, text, place, count);
#if SM_PAIRS || SM_FEATURES
    for (int place = 0; place < count; place++)
        sm_pairs_of(state, place, count);
#endif
    for (int layer = 0; layer < SM_LAYERS; layer++)
        for (int side = 0; side < SM_SIDES; side++) {
            float *const h = state->h;
            memset(h, 0, sizeof state->h);
            memset(state->c, 0, sizeof state->c);
            for (int step = 0; step < count; step++) {
                const int place = side ? count - 1 - step : step;
                const float *const x =
                    layer ? state->states[(layer - 1) % SM_BUFFERS][place] : state->inputs[place];
                sm_step(&sm_encoder[SM_SIDES * layer + side], x, h, state->c, state->scratch);
                memcpy(state->states[layer % SM_BUFFERS][place] + side * SM_HIDDEN, h,
                       sizeof state->h);
            }
        }
    for (int place = 0; place < count; place++)
        sm_add_product(state->emissions[place], &sm_output,
                       state->states[(SM_LAYERS - 1) % SM_BUFFERS][place]);
}

#if SM_INTENTS
/* What the whole text is about, from the states of its first window: probabilities to
   state->intents. */
static void sm_intend(@p@_state *state, int count)
{
    float logits[@P@_INTENTS];
    double total = 0.0;
    float top;

    sm_pool_begin(state);
    state->count = (uint32_t)count;
#if SM_POOLING == SM_LAST
    if (count) { /* of the second direction the first token is the last that was read */
        const float *const first = state->states[(SM_LAYERS - 1) % SM_BUFFERS][0];
        sm_pool(state, state->states[(SM_LAYERS - 1) % SM_BUFFERS][count - 1], 0, SM_HIDDEN);
        if (SM_SIDES == 2)
            sm_pool(state, first + (SM_WIDTH - SM_HIDDEN), SM_WIDTH - SM_HIDDEN, SM_HIDDEN);
    }
#else
    for (int place = 0; place < count; place++) {
        state->fresh = place == 0;
        sm_pool(state, state->states[(SM_LAYERS - 1) % SM_BUFFERS][place], 0, SM_WIDTH);
    }
#endif
    sm_pool_end(state);
    memcpy(logits, sm_intent_bias, sizeof logits);
    sm_add_product(logits, &sm_intent, state->pooled);
    top = logits[0];
    for (int k = 1; k < @P@_INTENTS; k++)
        top = logits[k] > top ? logits[k] : top;
    for (int k = 0; k < @P@_INTENTS; k++)
        total += exp((double)(logits[k] - top) / SM_INTENT_TEMPERATURE);
    for (int k = 0; k < @P@_INTENTS; k++)
        state->intents[k] =
            (float)(exp((double)(logits[k] - top) / SM_INTENT_TEMPERATURE) / total);
}
#endif
