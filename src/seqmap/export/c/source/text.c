/* ---- characters ------------------------------------------------------------------------------ */

/* What characters are: sm_kinds holds (first << 11 | flags), from there to the next entry. */
enum {
    SM_BLANK = 1,
    SM_LETTER = 2, /* letters and digits of all scripts */
    SM_DECIMAL = 4,
    SM_UNSPACED = 8, /* scripts without blanks */
    SM_WORD = 16,    /* what goes on with a word; in taggers: alphabetic */
    SM_EMOJI = 32,   /* in taggers: digits */
    SM_UPPER = 64,
    SM_LOWER = 128,
    SM_TITLE = 256,
    SM_LOWERS = 512 /* lower case is another character */
};

static unsigned sm_kind(uint32_t point)
{
    size_t low = 0, high = sizeof sm_kinds / sizeof *sm_kinds;

    if (point < 128)
        return sm_ascii_kinds[point];
    while (high - low > 1) {
        const size_t middle = (low + high) / 2;
        if (sm_kinds[middle] >> 11 <= point)
            low = middle;
        else
            high = middle;
    }
    return sm_kinds[low] & 2047u;
}

/* Write a character as UTF-8; returns its bytes. */
static int sm_utf8(unsigned char *out, uint32_t point)
{
    if (point < 0x80) {
        out[0] = (unsigned char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (unsigned char)(0xc0 | point >> 6);
        out[1] = (unsigned char)(0x80 | (point & 63));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (unsigned char)(0xe0 | point >> 12);
        out[1] = (unsigned char)(0x80 | (point >> 6 & 63));
        out[2] = (unsigned char)(0x80 | (point & 63));
        return 3;
    }
    out[0] = (unsigned char)(0xf0 | point >> 18);
    out[1] = (unsigned char)(0x80 | (point >> 12 & 63));
    out[2] = (unsigned char)(0x80 | (point >> 6 & 63));
    out[3] = (unsigned char)(0x80 | (point & 63));
    return 4;
}

/* How characters are folded (lower case, NFKC, one kind of apostrophe): sm_fold_*_from holds the
   characters that change, in order, and sm_fold_*_to what they become: one character, or
   (1 << 31 | characters << 24 | place in sm_fold_pool). */
typedef struct {
    const uint32_t *from, *to, *pool;
    int count;
    int lower;
} sm_folding;

#define SM_MOST_FOLDED 18

/* Fold one character; returns how many it becomes, which may be none. */
static int sm_fold(const sm_folding *folding, uint32_t point, uint32_t out[SM_MOST_FOLDED])
{
    int low = 0, high = folding->count;

    out[0] = point;
    if (point < 0x80) {
        if (folding->lower && point >= 'A' && point <= 'Z')
            out[0] = point + 32;
        return 1;
    }
    if (point >= 0xd800 && point <= 0xdfff) {
        out[0] = 0xfffd;
        return 1;
    }
    while (low < high) {
        const int middle = (low + high) / 2;
        if (folding->from[middle] < point)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == folding->count || folding->from[low] != point)
        return 1;
    if (!(folding->to[low] >> 31)) {
        out[0] = folding->to[low];
        return 1;
    }
    const int length = (int)(folding->to[low] >> 24 & 127u);
    const uint32_t *const from = folding->pool + (folding->to[low] & 0xffffffu);
    for (int k = 0; k < length; k++)
        out[k] = from[k];
    return length;
}

/* ---- vocabularies ---------------------------------------------------------------------------- */

/* Symbols as UTF-8, in the order of their bytes; `starts` has one entry more. */
typedef struct {
    const unsigned char *text;
    const uint16_t *small; /* places below 2^16 */
    const uint32_t *large;
    int count;
} sm_vocabulary;

/* Return 1 + the place of a symbol, 0 for an unknown one. */
static uint32_t sm_find(const sm_vocabulary *words, const unsigned char *symbol, int size)
{
    int low = 0, high = words->count;

    while (size >= 0 && low < high) {
        const int middle = (low + high) / 2;
        const uint32_t begin = words->small ? words->small[middle] : words->large[middle];
        const uint32_t end = words->small ? words->small[middle + 1] : words->large[middle + 1];
        const int length = (int)(end - begin), common = length < size ? length : size;
        int order = memcmp(words->text + begin, symbol, (size_t)common);

        if (order == 0)
            order = length - size;
        if (order == 0)
            return (uint32_t)middle + 1;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

/* Sorted keys of hashed features, with their scales as half floats. */
typedef struct {
    const uint32_t *keys;
    const uint16_t *scales;
    uint32_t count;
} sm_features;
