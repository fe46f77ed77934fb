/* ---- words ------------------------------------------------------------------------------------ */

/* A symbol has at most 64 characters, and what is at most 5 further decides where it ends: a symbol
   that ended SM_REACH characters ago is certain. */
#define SM_REACH 80

static void sm_word(@p@_state *state, const uint32_t *surface, int length);

static int sm_ascii(uint32_t point, char lower)
{
    return point == (uint32_t)lower || point == (uint32_t)lower - 32;
}

static int sm_letter_s(uint32_t point) { return sm_ascii(point, 's') || point == 0x17f; }

static int sm_goes_on(const uint32_t *s, int n, int at)
{
    return at < n && (sm_kind(s[at]) & SM_WORD);
}

/* Whether n't stands here, at the end of a word. */
static int sm_is_not(const uint32_t *s, int n)
{
    return n >= 3 && sm_ascii(s[0], 'n') && (s[1] == '\'' || s[1] == 0x2019) &&
           sm_ascii(s[2], 't') && !sm_goes_on(s, n, 3);
}

/* The length of 's, 'm, 'd, 're, 've or 'll at the end of a word, else 0. */
static int sm_clitic(const uint32_t *s, int n)
{
    int length = 0;

    if (n < 2 || (s[0] != '\'' && s[0] != 0x2019))
        return 0;
    if (sm_letter_s(s[1]) || sm_ascii(s[1], 'm') || sm_ascii(s[1], 'd'))
        length = 2;
    else if (n > 2 && ((sm_ascii(s[1], 'r') && sm_ascii(s[2], 'e')) ||
                       (sm_ascii(s[1], 'v') && sm_ascii(s[2], 'e')) ||
                       (sm_ascii(s[1], 'l') && sm_ascii(s[2], 'l'))))
        length = 3;
    return length && !sm_goes_on(s, n, length) ? length : 0;
}

static int sm_digits(const uint32_t *s, int n, int begin)
{
    int k = begin;

    while (k < n && k < begin + 12 && (sm_kind(s[k]) & SM_DECIMAL))
        k++;
    return k - begin;
}

/* The length of a number with inner points and commas, else 0. */
static int sm_number(const uint32_t *s, int n)
{
    int end = sm_digits(s, n, 0), groups = 0;

    while (end && groups < 3 && end < n && (s[end] == '.' || s[end] == ',')) {
        const int more = sm_digits(s, n, end + 1);
        if (!more)
            break;
        end += 1 + more;
        groups++;
    }
    return groups ? end : 0;
}

static int sm_modifiers(const uint32_t *s, int n, int begin)
{
    int k = begin;

    while (k < n && k < begin + 2 &&
           (s[k] == 0xfe0f || s[k] == 0x20e3 || (s[k] >= 0x1f3fb && s[k] <= 0x1f3ff)))
        k++;
    return k - begin;
}

/* The length of an emoji with its modifiers and joined parts, of a flag or a keycap, else 0. */
static int sm_picture(const uint32_t *s, int n, unsigned kind)
{
    if ((s[0] >= '0' && s[0] <= '9') || s[0] == '#' || s[0] == '*') {
        const int k = n > 1 && s[1] == 0xfe0f ? 2 : 1;
        return k < n && s[k] == 0x20e3 ? k + 1 : 0;
    }
    if (n > 1 && s[0] >= 0x1f1e6 && s[0] <= 0x1f1ff && s[1] >= 0x1f1e6 && s[1] <= 0x1f1ff)
        return 2;
    if (!(kind & SM_EMOJI))
        return 0;
    int end = 1 + sm_modifiers(s, n, 1);
    for (int part = 0; part < 7; part++) {
        if (end + 1 >= n || s[end] != 0x200d || !(sm_kind(s[end + 1]) & SM_EMOJI))
            break;
        end += 2;
        end += sm_modifiers(s, n, end);
    }
    return end;
}

static int sm_run(const uint32_t *s, int n, uint32_t point)
{
    int k = 0;

    while (k < n && k < 64 && s[k] == point)
        k++;
    return k;
}

/* The length of the symbol that begins at s, which holds n characters and no blank; at least 1. */
static int sm_match(const uint32_t *s, int n)
{
    const unsigned kind = sm_kind(s[0]);
    int length = sm_picture(s, n, kind);

    if (length)
        return length;
    if (kind & SM_UNSPACED)
        return 1;
    if (sm_is_not(s, n))
        return 3;
    if ((length = sm_clitic(s, n)) != 0)
        return length;
    if (kind & SM_LETTER) {
        for (int k = 1; k < 64; k++) {
            if (sm_is_not(s + k, n - k))
                return k;
            if (!sm_goes_on(s, n, k))
                break;
        }
        if ((length = sm_number(s, n)) != 0)
            return length;
        for (length = 1; length < 64 && sm_goes_on(s, n, length); length++) {
        }
        return length;
    }
    if (s[0] == '-' && n >= 5 && (sm_ascii(s[1], 'l') || sm_ascii(s[1], 'r')) &&
        (sm_ascii(s[2], 'r') || sm_ascii(s[2], 'c') || sm_letter_s(s[2])) && sm_ascii(s[3], 'b') &&
        s[4] == '-')
        return 5;
    if (s[0] == '.' || s[0] == '-')
        return sm_run(s, n, s[0]);
    if ((s[0] == '`' || s[0] == '\'') && n > 1 && s[1] == s[0])
        return 2;
    return 1;
}

/* Read what is certain; all of it where a blank or an unspaced character follows. */
static void sm_split(@p@_state *state, int certain)
{
    int at = 0;

    while (at < state->held_count) {
        const int length = sm_match(state->held + at, state->held_count - at);
        if (!certain && at + length > state->held_count - SM_REACH)
            break;
        sm_word(state, state->held + at, length);
        at += length;
    }
    state->held_count -= at;
    memmove(state->held, state->held + at, (size_t)state->held_count * sizeof *state->held);
}

static void sm_split_char(@p@_state *state, uint32_t point, unsigned kind)
{
    if (kind & SM_BLANK) {
        sm_split(state, 1);
        return;
    }
    state->held[state->held_count++] = point;
    if (kind & SM_UNSPACED)
        sm_split(state, 1);
    else if (state->held_count == SM_HELD)
        sm_split(state, 0);
}

/* ... and --, folded; a longer row of points or dashes is one symbol. */
static int sm_leaders(unsigned char *symbol, int size)
{
    int k = 0;

    if (size < 2 || (symbol[0] != '.' && symbol[0] != '-'))
        return size;
    while (k < size && symbol[k] == symbol[0])
        k++;
    if (k < size)
        return size;
    if (symbol[0] == '-')
        return 2;
    symbol[1] = symbol[2] = '.';
    return 3;
}
