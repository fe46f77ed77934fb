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

/* ---- the conditional random field (Lafferty, McCallum & Pereira 2001) ------------------------------- */

static double sm_transition(int from, int to)
{
    return (double)sm_transitions[from * @P@_TAGS + to];
}

/* The best sequence of tags, to state->tags. */
static void sm_viterbi(@p@_state *state, int count)
{
    double *score = state->row[0], *next = state->row[1];
    int best = 0;

    for (int k = 0; k < @P@_TAGS; k++)
        score[k] = (double)sm_start[k] + (double)state->emissions[0][k];
    for (int t = 1; t < count; t++) {
        for (int to = 0; to < @P@_TAGS; to++) {
            int from = 0;
            for (int k = 1; k < @P@_TAGS; k++)
                if (score[k] + sm_transition(k, to) >
                    score[from] + sm_transition(from, to))
                    from = k;
            state->pointers[t][to] = (@p@_tag_id)from;
            next[to] = score[from] + sm_transition(from, to) +
                       (double)state->emissions[t][to];
        }
        double *const swap = score;
        score = next;
        next = swap;
    }
    for (int k = 1; k < @P@_TAGS; k++)
        if (score[k] + (double)sm_end[k] > score[best] + (double)sm_end[best])
            best = k;
    for (int t = count - 1; t >= 0; t--) {
        state->tags[t] = (@p@_tag_id)best;
        if (t)
            best = state->pointers[t][best];
    }
}

static double sm_log_sum(const double *values)
{
    double top = values[0], total = 0.0;

    for (int k = 1; k < @P@_TAGS; k++)
        if (values[k] > top)
            top = values[k];
    if (top == -HUGE_VAL)
        return top;
    for (int k = 0; k < @P@_TAGS; k++)
        total += exp(values[k] - top);
    return top + log(total);
}

/* Forward-backward: state->marginal and state->conditional say how probable the best tags are, by
   themselves and after the tag before them. All scores are divided by the temperature. */
static void sm_chances(@p@_state *state, int count)
{
    double *const row = state->row[0];
    double before[@P@_TAGS], log_z;

    for (int k = 0; k < @P@_TAGS; k++)
        state->beta[count - 1][k] = (double)sm_end[k] / SM_TEMPERATURE;
    for (int t = count - 2; t >= 0; t--)
        for (int from = 0; from < @P@_TAGS; from++) {
            for (int to = 0; to < @P@_TAGS; to++)
                row[to] = (sm_transition(from, to) + (double)state->emissions[t + 1][to]) /
                              SM_TEMPERATURE +
                          state->beta[t + 1][to];
            state->beta[t][from] = sm_log_sum(row);
        }
    for (int k = 0; k < @P@_TAGS; k++) {
        before[k] = ((double)sm_start[k] + (double)state->emissions[0][k]) / SM_TEMPERATURE;
        row[k] = before[k] + state->beta[0][k];
    }
    log_z = sm_log_sum(row);
    for (int t = 0; t < count; t++) {
        const int tag = state->tags[t];
        if (t) {
            double after[@P@_TAGS];
            for (int to = 0; to < @P@_TAGS; to++) {
                for (int from = 0; from < @P@_TAGS; from++)
                    row[from] = before[from] + sm_transition(from, to) / SM_TEMPERATURE;
                after[to] = sm_log_sum(row) + (double)state->emissions[t][to] / SM_TEMPERATURE;
            }
            const int last = state->tags[t - 1];
            for (int to = 0; to < @P@_TAGS; to++)
                row[to] = (sm_transition(last, to) + (double)state->emissions[t][to]) /
                              SM_TEMPERATURE +
                          state->beta[t][to];
            state->conditional[t] = exp(row[tag] - sm_log_sum(row));
            memcpy(before, after, sizeof before);
        }
        state->marginal[t] = exp(before[tag] + state->beta[t][tag] - log_z);
        if (state->marginal[t] > 1.0)
            state->marginal[t] = 1.0;
        if (t == 0)
            state->conditional[t] = state->marginal[t];
    }
}

/* ---- answers ------------------------------------------------------------------------------------------ */

/* Where answers go, and which tokens of the window they may begin at. */
typedef struct {
    @p@_span *spans;
    int capacity, count;
    int keep_from, keep_to;
    size_t last; /* where the latest span ended */
} sm_answers;

static void sm_add_span(@p@_state *state, sm_answers *answers, int begin, int end, int type)
{
    const size_t start = state->tokens[begin].start;
    double chance = state->marginal[begin];

    if (begin < answers->keep_from || begin >= answers->keep_to || start < answers->last)
        return;
    for (int t = begin + 1; t < end; t++)
        chance *= state->conditional[t];
    answers->last = state->tokens[end - 1].end;
    if (answers->count < answers->capacity) {
        @p@_span *const span = &answers->spans[answers->count];
        span->start = start;
        span->end = state->tokens[end - 1].end;
        span->type = type;
        span->probability = (float)chance;
    }
    answers->count++;
}

#if SM_SPANS
/* The spans that tags mean, by the rules of conlleval. */
static void sm_add_spans(@p@_state *state, sm_answers *answers, int count)
{
    int start = -1, open = -1;
    char last = 'O';

    for (int t = 0; t < count; t++) {
        const int tag = state->tags[t], type = sm_tag_types[tag];
        const char mark = sm_tag_marks[tag];
        const int goes_on = mark == 'I' || mark == 'E', closed = last != 'B' && last != 'I';
        const int begins = mark == 'B' || mark == 'S' || (goes_on && (closed || type != open));
        int inside = start >= 0;
        if (inside && (begins || mark == 'O')) {
            sm_add_span(state, answers, start, t, open);
            inside = 0;
        }
        if (mark == 'O') {
            start = -1;
        } else if (begins || !inside) {
            start = t;
            open = type;
        }
        if ((mark == 'E' || mark == 'S') && start >= 0) {
            sm_add_span(state, answers, start, t + 1, open);
            start = -1;
        }
        last = mark;
    }
    if (start >= 0)
        sm_add_span(state, answers, start, count, open);
}
#endif

int @p@_tag(@p@_state *state, const char *text, size_t size, @p@_span *spans, int capacity)
{
    const int margin = @P@_WINDOW / 4, step = @P@_WINDOW - 2 * margin;
    sm_cursor cursor = {(const unsigned char *)text, size, 0, 0};
    sm_answers answers = {spans, capacity, 0, 0, 0, 0};
    int count = 0, begun = 0;

    for (;;) {
        /* One token more than a window tells whether there is another window. */
        while (count <= @P@_WINDOW && sm_next_token(&cursor, &state->tokens[count]))
            count++;
        if (count == 0)
            return 0;
        const int more = count > @P@_WINDOW, read = more ? @P@_WINDOW : count;
        sm_read_window(state, text, read);
        sm_viterbi(state, read);
        sm_chances(state, read);
        answers.keep_from = begun ? margin : 0;
        answers.keep_to = more ? read - margin : read;
#if SM_SPANS
        sm_add_spans(state, &answers, read);
#else
        for (int t = 0; t < read; t++)
            sm_add_span(state, &answers, t, t + 1, state->tags[t]);
#endif
        if (!more)
            return answers.count;
        count -= step;
        memmove(state->tokens, state->tokens + step, (size_t)count * sizeof *state->tokens);
        begun = 1;
    }
}

const char *const @p@_types[@P@_TYPES] = {@labels@};
