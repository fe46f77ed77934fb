/* ---- tokens --------------------------------------------------------------------------------------- */

static uint64_t sm_mix(uint64_t z) /* the finaliser of splitmix64 (Steele, Lea & Flood 2014) */
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* The text from byte `at` on, character by character. */
typedef struct {
    const unsigned char *text;
    size_t size, at;
    uint32_t point;
} sm_cursor;

/* Read one character; returns 0 at the end. What is not UTF-8 becomes U+FFFD. */
static int sm_next(sm_cursor *cursor)
{
    const unsigned char *const s = cursor->text;
    size_t at = cursor->at;
    unsigned low = 0x80, high = 0xbf;
    int need;

    if (at >= cursor->size)
        return 0;
    const unsigned lead = s[at++];
    uint32_t point = lead;
    if (lead < 0x80) {
        need = 0;
    } else if (lead >= 0xc2 && lead <= 0xdf) {
        need = 1;
        point = lead & 31u;
    } else if (lead >= 0xe0 && lead <= 0xef) {
        need = 2;
        point = lead & 15u;
        low = lead == 0xe0 ? 0xa0 : low;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
        need = 3;
        point = lead & 7u;
        low = lead == 0xf0 ? 0x90 : low;
        high = lead == 0xf4 ? 0x8f : high;
    } else {
        need = 0;
        point = 0xfffd;
    }
    for (; need; need--, at++, low = 0x80, high = 0xbf) {
        if (at >= cursor->size || s[at] < low || s[at] > high) {
            point = 0xfffd;
            break;
        }
        point = point << 6 | (s[at] & 63u);
    }
    cursor->at = at;
    cursor->point = point;
    return 1;
}

/* Find the next token: a character of a script without blanks, a word or number, or any other
   character by itself. Returns 0 at the end. */
static int sm_next_token(sm_cursor *cursor, @p@_token *token)
{
    unsigned kind = 0;
    size_t begin = cursor->at;

    while (sm_next(cursor) && ((kind = sm_kind(cursor->point)) & SM_BLANK))
        begin = cursor->at;
    if (begin == cursor->at || (kind & SM_BLANK))
        return 0;
    token->start = begin;
    token->end = cursor->at;
#if SM_UNIT_WORD
    if (!(kind & SM_LETTER) || (kind & SM_UNSPACED))
        return 1;
    for (;;) {
        sm_cursor ahead = *cursor;
        if (!sm_next(&ahead))
            return 1;
        kind = sm_kind(ahead.point);
        if (!(kind & SM_LETTER) || (kind & SM_UNSPACED))
            return 1;
        *cursor = ahead;
        token->end = cursor->at;
    }
#else
    return 1;
#endif
}
