/* ---- subwords: the unigram model of sentencepiece (Kudo 2018) ------------------------------------- */

static void sm_symbol(@p@_state *state, uint32_t symbol);

/* Read the run that is held: the most probable division into pieces, character by character. A
   character that no piece holds is unknown; unknown ones beside each other are one symbol. */
static void sm_pieces(@p@_state *state)
{
    const int size = state->run_size;
    int last = size, count = 0;

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
            /* narrow the pieces to those that go on with the next byte */
            const unsigned char byte = state->run[end];
            const uint32_t depth = (uint32_t)(end - start);
            int first = low, after = high;
            while (first < after) {
                const int middle = (first + after) / 2;
                const uint32_t at = sm_place(&sm_symbols, middle) + depth;
                if (at >= sm_place(&sm_symbols, middle + 1) || sm_symbols.text[at] < byte)
                    first = middle + 1;
                else
                    after = middle;
            }
            low = first;
            after = high;
            while (first < after) {
                const int middle = (first + after) / 2;
                if (sm_symbols.text[sm_place(&sm_symbols, middle) + depth] <= byte)
                    first = middle + 1;
                else
                    after = middle;
            }
            high = first;
            end++;
            if (low < high && sm_place(&sm_symbols, low + 1) - sm_place(&sm_symbols, low) == depth + 1) {
                const float score = sm_piece_scores[low] + state->best[start];
                if (state->from[end] == UINT16_MAX || score > state->best[end]) {
                    state->best[end] = score;
                    state->from[end] = (uint16_t)start;
                    state->piece[end] = (uint32_t)low + 1;
                }
                if (end - start == step)
                    single = 1;
            }
        }
        if (!single) {
            const int end = start + step;
            const float score = SM_UNKNOWN_SCORE + state->best[start];
            if (state->from[end] == UINT16_MAX || score > state->best[end]) {
                state->best[end] = score;
                state->from[end] = (uint16_t)start;
                state->piece[end] = 0;
            }
        }
        start += step;
    }
    /* Backwards along the best way; the places are put into `from`, last first. */
    while (last > 0) {
        const int before = state->from[last];
        state->from[size - count] = (uint16_t)last;
        count++;
        last = before;
    }
    for (int k = count - 1, unknown = 0; k >= 0; k--) {
        const uint32_t piece = state->piece[state->from[size - k]];
        if (piece || !unknown)
            sm_symbol(state, piece);
        unknown = !piece;
    }
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
