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

#if SM_UNIT_WORD
/* Whether a character belongs to words, of scripts that have blanks. */
static int sm_in_word(uint32_t point)
{
    return (sm_kind(point) & (SM_LETTER | SM_UNSPACED)) == SM_LETTER;
}

static int sm_has_mark(const uint32_t *marks, size_t count, uint32_t point)
{
    for (size_t i = 0; i < count; i++)
        if (marks[i] == point)
            return 1;
    return 0;
}

/* Whether a word comes next. */
static int sm_word_follows(sm_cursor cursor)
{
    return sm_next(&cursor) && sm_in_word(cursor.point);
}

/* Whether the mark at the cursor joins the word that ends in `last` with one that follows. */
static int sm_joins(const sm_cursor *cursor, uint32_t last)
{
    sm_cursor ahead = *cursor;

    if (!sm_word_follows(ahead))
        return 0;
    sm_next(&ahead);
    if (last >= '0' && last <= '9' && ahead.point >= '0' && ahead.point <= '9')
        return sm_has_mark(sm_digit_marks, SM_DIGIT_MARKS, cursor->point);
    return sm_has_mark(sm_letter_marks, SM_LETTER_MARKS, cursor->point);
}

/* Whether a full stop behind a token belongs to it: U.S., Mr. */
static int sm_keeps_stop(const unsigned char *text, const @p@_token *token, uint32_t last)
{
    const size_t size = token->end - token->start;
    size_t at = 0;

    for (size_t i = token->start + 1; i < token->end; i++)
        if (text[i] == '.' && (sm_kind(last) & SM_WORD))
            return 1;
    while (sm_abbreviations[at]) { /* each is its length, and its letters */
        if (sm_abbreviations[at] == size && !memcmp(sm_abbreviations + at + 1, text + token->start, size))
            return 1;
        at += 1u + sm_abbreviations[at];
    }
    return 0;
}
#endif

/* Find the next token: a character of a script without blanks, a word or number with the marks that
   training's tokens had inside and before, or any other character by itself. Returns 0 at the end. */
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
    sm_cursor ahead;
    if (!(kind & SM_UNSPACED) && sm_word_follows(*cursor) &&
        sm_has_mark(sm_marks_before, SM_MARKS_BEFORE, cursor->point))
        sm_next(cursor);
    uint32_t last = cursor->point;
    for (int word = sm_in_word(last); word;) {
        ahead = *cursor;
        word = sm_next(&ahead) && (sm_in_word(ahead.point) || sm_joins(&ahead, last));
        if (word && !sm_in_word(ahead.point))
            sm_next(&ahead);
        if (word) {
            *cursor = ahead;
            last = ahead.point;
        }
    }
    token->end = cursor->at;
    ahead = *cursor;
    if (SM_STOPS && sm_next(&ahead) && ahead.point == '.' && sm_keeps_stop(cursor->text, token, last) &&
        !(sm_has_mark(sm_marks_before, SM_MARKS_BEFORE, '.') && sm_word_follows(ahead))) {
        *cursor = ahead;
        token->end = cursor->at;
    }
#endif
    return 1;
}
