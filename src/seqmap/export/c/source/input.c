/* ---- symbols, folded ------------------------------------------------------------------------------ */

/* Penn Treebank's brackets and quotes, and curly quotes, after folding. */
static int sm_unalias(unsigned char *symbol, int size)
{
    static const char brackets[] = "lrb(rrb)lsb[rsb]lcb{rcb}";
    unsigned char low[5];

    if (size == 3 && symbol[0] == 0xe2 && symbol[1] == 0x80 &&
        (symbol[2] == 0x9c || symbol[2] == 0x9d)) {
        symbol[0] = '"';
        return 1;
    }
    if (size == 2 && symbol[0] == symbol[1] && (symbol[0] == '`' || symbol[0] == '\'')) {
        symbol[0] = '"';
        return 1;
    }
    if (size != 5 || symbol[0] != '-' || symbol[4] != '-')
        return size;
    for (int k = 1; k < 4; k++)
        low[k] = (unsigned char)(symbol[k] >= 'A' && symbol[k] <= 'Z' ? symbol[k] + 32 : symbol[k]);
    for (int k = 0; k < 24; k += 4)
        if (memcmp(low + 1, brackets + k, 3) == 0) {
            symbol[0] = (unsigned char)brackets[k + 3];
            return 1;
        }
    return size;
}

/* Write the folded form of a symbol as UTF-8; returns its bytes, or -1 if it is longer than
   `most`, so that no vocabulary holds it. `most` is at least 72. */
static int sm_fold_symbol(unsigned char *out, int most, const sm_folding *folding,
                          const uint32_t *surface, int length)
{
    uint32_t folded[SM_MOST_FOLDED];
    int size = 0;

    for (int k = 0; k < length; k++) {
        const int many = sm_fold(folding, surface[k], folded);
        for (int j = 0; j < many; j++) {
            if (size + 4 > most)
                return -1;
            size += sm_utf8(out + size, folded[j]);
        }
    }
    if (size == 0)
        for (int k = 0; k < length && size + 4 <= most; k++)
            size += sm_utf8(out + size, surface[k]);
    return sm_unalias(out, size);
}

/* ---- from bytes to characters ------------------------------------------------------------------ */

/* Bytes in, characters out. What is not UTF-8 becomes U+FFFD, as in most decoders (an encoded half
   surrogate is let through, as Python's strings may hold one). */
static void sm_point(@p@_state *state, uint32_t point);

static void sm_byte(@p@_state *state, unsigned char byte)
{
    if (state->need) {
        if (byte >= state->low && byte <= state->high) {
            state->point = state->point << 6 | (byte & 63u);
            state->low = 0x80;
            state->high = 0xbf;
            if (--state->need == 0)
                sm_point(state, state->point);
            return;
        }
        state->need = 0;
        sm_point(state, 0xfffd);
    }
    if (byte < 0x80) {
        sm_point(state, byte);
        return;
    }
    state->low = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
    state->high = byte == 0xf4 ? 0x8f : 0xbf;
    if (byte >= 0xc2 && byte <= 0xdf) {
        state->need = 1;
        state->point = byte & 31u;
    } else if (byte >= 0xe0 && byte <= 0xef) {
        state->need = 2;
        state->point = byte & 15u;
    } else if (byte >= 0xf0 && byte <= 0xf4) {
        state->need = 3;
        state->point = byte & 7u;
    } else {
        sm_point(state, 0xfffd);
    }
}

static void sm_bytes(@p@_state *state, const char *bytes, size_t size)
{
    for (size_t k = 0; k < size; k++)
        sm_byte(state, (unsigned char)bytes[k]);
}

static void sm_bytes_end(@p@_state *state)
{
    if (state->need) {
        state->need = 0;
        sm_point(state, 0xfffd);
    }
}

/* ---- HTML line breaks count as blanks --------------------------------------------------------- */

static void sm_char(@p@_state *state, uint32_t point);

/* 2 for a whole <br>, 1 for the beginning of one, else 0. */
static int sm_is_break(const uint32_t *s, int n)
{
    int k = 3;

    if (s[0] != '<' || (n > 1 && s[1] != 'b' && s[1] != 'B') ||
        (n > 2 && s[2] != 'r' && s[2] != 'R'))
        return 0;
    if (n <= 3)
        return 1;
    if (k < n && s[k] == ' ')
        k++;
    if (k < n && s[k] == '/')
        k++;
    if (k == n)
        return 1;
    return k + 1 == n && s[k] == '>' ? 2 : 0;
}

static void sm_point(@p@_state *state, uint32_t point)
{
    if (state->open_count == 0 && point != '<') {
        sm_char(state, point);
        return;
    }
    state->open[state->open_count++] = point;
    while (state->open_count) {
        const int found = sm_is_break(state->open, state->open_count);
        if (found == 1)
            return;
        if (found == 2) {
            state->open_count = 0;
            sm_char(state, ' ');
            return;
        }
        point = state->open[0];
        memmove(state->open, state->open + 1, (size_t)--state->open_count * sizeof *state->open);
        sm_char(state, point);
        while (state->open_count && state->open[0] != '<') {
            point = state->open[0];
            memmove(state->open, state->open + 1, (size_t)--state->open_count * sizeof *state->open);
            sm_char(state, point);
        }
    }
}

static void sm_break_end(@p@_state *state)
{
    for (int k = 0; k < state->open_count; k++)
        sm_char(state, state->open[k]);
    state->open_count = 0;
}
