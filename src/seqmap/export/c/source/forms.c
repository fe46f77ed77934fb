/* ---- forms ------------------------------------------------------------------------------------------ */

static uint32_t sm_crc(uint32_t crc, const unsigned char *bytes, int size)
{
    /* crc32 as in zlib, four bits at a time */
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};

    crc = ~crc;
    for (int k = 0; k < size; k++) {
        crc = table[(crc ^ bytes[k]) & 15] ^ crc >> 4;
        crc = table[(crc ^ (uint32_t)(bytes[k] >> 4)) & 15] ^ crc >> 4;
    }
    return ~crc;
}

static uint32_t sm_crc_point(uint32_t crc, uint32_t point)
{
    unsigned char bytes[4];

    return sm_crc(crc, bytes, sm_utf8(bytes, point));
}

static uint32_t sm_crc_name(const char *name)
{
    return sm_crc(0, (const unsigned char *)name, (int)strlen(name));
}

/* What is gathered while the characters of a token go by. */
typedef struct {
    uint32_t exact, folded, shape, runs;   /* the checksums of w=, l=, s=, z= */
    uint32_t word[2], drawn[2];            /* those of the hashes for pairs */
    uint32_t prefix[4], first[4], last[4]; /* of p1= to p4=; the first characters, the last folded */
    int length, folded_length, letters;    /* characters; alphabetic ones */
    int run;                               /* how often the shape's last character was repeated */
    uint32_t before;                       /* the shape's last character */
    int unspaced, digits, upper, lower, title, rest_lowers, first_upper;
    int size; /* bytes of the folded form in state->symbol; -1 when it is too long to be known */
} sm_form;

static void sm_form_folded(@p@_state *state, sm_form *form, uint32_t point)
{
    if (sm_kind(point) & SM_DECIMAL)
        point = '0';
    form->folded = sm_crc_point(form->folded, point);
    form->word[0] = sm_crc_point(form->word[0], point);
    form->word[1] = sm_crc_point(form->word[1], point);
    memmove(form->last, form->last + 1, 3 * sizeof *form->last);
    form->last[3] = point;
    form->folded_length++;
    if (form->size >= 0) {
        if (form->size + 4 > SM_LONGEST)
            form->size = -1;
        else
            form->size += sm_utf8(state->symbol + form->size, point);
    }
}

static void sm_form_shape(sm_form *form, uint32_t point, unsigned kind)
{
    const uint32_t drawn = kind & SM_UPPER  ? 'X'
                           : kind & SM_WORD ? 'x' /* alphabetic */
                           : kind & SM_EMOJI ? 'd' /* a digit */
                                             : point;

    form->run = form->length && drawn == form->before ? form->run + 1 : 1;
    form->before = drawn;
    if (form->run <= 2) {
        form->shape = sm_crc_point(form->shape, drawn);
        form->drawn[0] = sm_crc_point(form->drawn[0], drawn);
        form->drawn[1] = sm_crc_point(form->drawn[1], drawn);
    }
    if (form->run == 1)
        form->runs = sm_crc_point(form->runs, drawn);
    form->unspaced |= (kind & SM_UNSPACED) != 0;
    form->letters += (kind & SM_WORD) != 0;
    form->digits |= (kind & SM_EMOJI) != 0;
    form->upper |= (kind & SM_UPPER) != 0;
    form->lower |= (kind & SM_LOWER) != 0;
    form->title |= (kind & SM_TITLE) != 0;
    if (form->length == 0)
        form->first_upper = (kind & SM_UPPER) != 0;
    else
        form->rest_lowers |= (kind & SM_LOWERS) != 0;
}

static int sm_shape_class(const sm_form *form)
{
    if (form->unspaced)
        return 8;
    if (!form->letters)
        return form->digits ? 5 : 7;
    if (form->digits)
        return 6;
    if (form->lower && !form->upper && !form->title)
        return 1;
    if (form->upper && !form->lower && !form->title && form->letters > 1)
        return 3;
    if (form->first_upper && !form->rest_lowers)
        return 2;
    return form->upper ? 4 : 0;
}

/* Letters as the LSTM reads them: of a long word its first half and its last. */
static void sm_letter(@p@_state *state, int *count, uint32_t point)
{
#if SM_LETTERS
    const int head = (SM_LONGEST_WORD + 1) / 2, tail = SM_LONGEST_WORD - head;
    unsigned char bytes[4];
    const uint32_t id = sm_find(&sm_letter_symbols, bytes, sm_utf8(bytes, point));

    if (*count < SM_LONGEST_WORD) {
        state->letters[*count] = (uint16_t)id;
    } else if (tail) {
        memmove(state->letters + head, state->letters + head + 1,
                (size_t)(tail - 1) * sizeof *state->letters);
        state->letters[SM_LONGEST_WORD - 1] = (uint16_t)id;
    }
    ++*count;
#else
    (void)state, (void)count, (void)point;
#endif
}

#if SM_FEATURES
/* Return the place of a key of a lexical feature, -1 for none. */
static int32_t sm_feature(uint32_t key)
{
    int32_t low = 0, high = SM_FEATURES;

    while (low < high) {
        const int32_t middle = low + (high - low) / 2;
        if (sm_feature_keys[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low < SM_FEATURES && sm_feature_keys[low] == key ? low : -1;
}

/* A feature of the token at `place` speaks about those from two before to two behind. */
static void sm_add_feature(@p@_state *state, int place, int count, uint32_t key)
{
    const int32_t row = sm_feature(key);

    if (row < 0)
        return;
    for (int part = 0; part < 5; part++) {
        const int about = place - part + 2;
        if (about < 0 || about >= count)
            continue;
        const size_t at = (size_t)row * (5 * @P@_TAGS) + (size_t)part * @P@_TAGS;
        for (int k = 0; k < @P@_TAGS; k++)
            state->emissions[about][k] +=
#if SM_FEATURES_INT8
                (float)sm_feature_weights[at + (size_t)k] * sm_feature_scales[row];
#else
                sm_feature_weights[at + (size_t)k];
#endif
    }
}

static void sm_form_features(@p@_state *state, const sm_form *form, int place, int count)
{
    static const char *const ends[4] = {"e1=", "e2=", "e3=", "e4="};
    const unsigned char digit = (unsigned char)('0' + sm_shape_class(form));

    sm_add_feature(state, place, count, form->exact);
    sm_add_feature(state, place, count, form->folded);
    sm_add_feature(state, place, count, form->shape);
    sm_add_feature(state, place, count, form->runs);
    for (int n = 1; n <= 4 && n < form->length; n++)
        sm_add_feature(state, place, count, form->prefix[n - 1]);
    for (int n = 1; n <= 4 && n < form->folded_length; n++) {
        uint32_t crc = sm_crc_name(ends[n - 1]);
        for (int k = 4 - n; k < 4; k++)
            crc = sm_crc_point(crc, form->last[k]);
        sm_add_feature(state, place, count, crc);
    }
    sm_add_feature(state, place, count, sm_crc(sm_crc_name("c="), &digit, 1));
}
#endif

static void sm_form_begin(sm_form *form)
{
    static const char *const begins[4] = {"p1=", "p2=", "p3=", "p4="};

    memset(form, 0, sizeof *form);
    form->exact = sm_crc_name("w=");
    form->folded = sm_crc_name("l=");
    form->shape = sm_crc_name("s=");
    form->runs = sm_crc_name("z=");
    form->word[1] = sm_crc_name("h");
    form->drawn[0] = sm_crc(0, (const unsigned char *)"", 1);
    form->drawn[1] = sm_crc(0, (const unsigned char *)"h", 2);
    for (int n = 0; n < 4; n++)
        form->prefix[n] = sm_crc_name(begins[n]);
}

/* Read the characters of a token. */
static int sm_form_read(@p@_state *state, sm_form *form, const char *text, const @p@_token *token)
{
    sm_cursor cursor = {(const unsigned char *)text, token->end, token->start, 0};
    uint32_t folded[SM_MOST_FOLDED];
    int letters = 0;

    sm_form_begin(form);
    while (sm_next(&cursor)) {
        const uint32_t point = cursor.point;
        form->exact = sm_crc_point(form->exact, point);
        if (form->length < 4)
            for (int n = form->length; n < 4; n++)
                form->prefix[n] = sm_crc_point(form->prefix[n], point);
        sm_form_shape(form, point, sm_kind(point));
        int many = sm_fold(&sm_folding_keep, point, folded);
        for (int k = 0; k < many; k++)
            sm_letter(state, &letters, folded[k]);
        many = sm_fold(&sm_folding_lower, point, folded);
        for (int k = 0; k < many; k++) /* curly quotes stand alone as tokens */
            sm_form_folded(state, form,
                           folded[k] == 0x201c || folded[k] == 0x201d ? '"' : folded[k]);
        form->length++;
    }
    if (form->folded_length == 0) { /* a variation selector by itself */
        cursor.at = token->start;
        while (sm_next(&cursor))
            sm_form_folded(state, form, cursor.point);
    }
    if (letters == 0) {
        state->letters[0] = 0;
        letters = 1;
    }
    return letters < SM_LONGEST_WORD ? letters : SM_LONGEST_WORD;
}
