/* ---- subwords: the unigram model of sentencepiece (Kudo 2018) ------------------------------------- */

static void sm_symbol(@p@_state *state, uint32_t symbol);

/* The first of the pieces from `low` to before `high`, alike in their first `depth` bytes, whose next
   byte is `byte` or more; a piece that ends there comes before all others. */
static int sm_bound(int low, int high, uint32_t depth, unsigned byte)
{
    while (low < high) {
        const int middle = (low + high) / 2;
        const uint32_t at = sm_place(&sm_symbols, middle) + depth;
        if (at >= sm_place(&sm_symbols, middle + 1) || sm_symbols.text[at] < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Go back along the best way, and give its symbols in order. The places where they end are put into
   `from`, the last one first: what is overwritten has been read. */
static void sm_give_pieces(@p@_state *state, int size)
{
    int count = 0;

    for (int last = size; last > 0; count++) {
        const int before = state->from[last];
        state->from[size - count] = (uint16_t)last;
        last = before;
    }
    for (int k = count - 1, unknown = 0; k >= 0; k--) {
        const uint32_t piece = state->piece[state->from[size - k]];
        if (piece || !unknown)
            sm_symbol(state, piece);
        unknown = !piece;
    }
}

/* A way to `end` over the piece that begins at `start`: kept if it is the best so far. */
static void sm_try_piece(@p@_state *state, int start, int end, float score, uint32_t piece)
{
    score += state->best[start];
    if (state->from[end] != UINT16_MAX && score <= state->best[end])
        return;
    state->best[end] = score;
    state->from[end] = (uint16_t)start;
    state->piece[end] = piece;
}

/* Read the run that is held: the most probable division into pieces, character by character. A
   character that no piece holds is unknown; unknown ones beside each other are one symbol. */
static void sm_pieces(@p@_state *state)
{
    const int size = state->run_size;

    state->run_size = 0;
    state->run_chars = 0;
    if (size == 0)
        return;
    for (int k = 0; k <= size; k++)
        state->from[k] = UINT16_MAX;
    state->best[0] = 0.0f;
    for (int start = 0; start < size;) {
        int low = 0, high = sm_symbols.count, single = 0, step = 1;
        while (start + step < size && (state->run[start + step] & 0xc0) == 0x80)
            step++;
        for (int end = start; end < size && low < high;) {
            const uint32_t depth = (uint32_t)(end - start);
            const unsigned char byte = state->run[end];
            high = sm_bound(low, high, depth, byte + 1u);
            low = sm_bound(low, high, depth, byte);
            end++;
            if (low < high && sm_place(&sm_symbols, low + 1) - sm_place(&sm_symbols, low) == depth + 1) {
                sm_try_piece(state, start, end, sm_piece_scores[low], (uint32_t)low + 1);
                if (end - start == step)
                    single = 1;
            }
        }
        if (!single)
            sm_try_piece(state, start, start + step, SM_UNKNOWN_SCORE, 0);
        start += step;
    }
    sm_give_pieces(state, size);
}

static void sm_run_char(@p@_state *state, uint32_t point, unsigned kind)
{
    unsigned char folded[SM_MOST_FOLDED * 4 + 72];
    int size, kept = 0;

    if (kind & SM_BLANK) {
        sm_pieces(state);
        return;
    }
    if (state->run_chars == SM_LONGEST_RUN)
        sm_pieces(state);
    if (state->run_chars++ == 0) { /* the sign for the beginning of a word */
        state->run[0] = 0xe2;
        state->run[1] = 0x96;
        state->run[2] = 0x81;
        state->run_size = 3;
    }
    size = sm_fold_symbol(folded, (int)sizeof folded, &sm_folding_symbols, &point, 1);
    for (int k = 0; k < size; k++) {
        /* that sign must not come from the text, and NUL ends a text of sentencepiece */
        if (k + 2 < size && folded[k] == 0xe2 && folded[k + 1] == 0x96 && folded[k + 2] == 0x81) {
            folded[kept++] = '_';
            k += 2;
        } else if (folded[k] == 0) {
            kept += sm_utf8(folded + kept, 0xfffd);
        } else {
            folded[kept++] = folded[k];
        }
    }
    if (state->run_size + kept > SM_RUN_BYTES) {
        state->full = 1;
        return;
    }
    memcpy(state->run + state->run_size, folded, (size_t)kept);
    state->run_size += kept;
}
