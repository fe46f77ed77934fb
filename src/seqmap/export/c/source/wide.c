/* ---- the wide branch: a linear model over hashed n-grams ------------------------------------------ */

static uint64_t sm_mix(uint64_t z) /* the finaliser of splitmix64 (Steele, Lea & Flood 2014) */
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static float sm_half(uint16_t half)
{
    const int power = half >> 10 & 31;
    const float part = (float)(half & 1023);
    const float value =
        power ? ldexpf(1.0f + part / 1024.0f, power - 15) : ldexpf(part / 1024.0f, -14);

    return half >> 15 ? -value : value;
}

/* Features that were found, each once with its count: sort them by their number. */
static void sm_sift(@p@_feature *found, uint32_t root, uint32_t count)
{
    const @p@_feature moved = found[root];

    for (uint32_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && found[child + 1].number > found[child].number)
            child++;
        if (found[child].number <= moved.number)
            break;
        found[root] = found[child];
    }
    found[root] = moved;
}

static void sm_gather(@p@_state *state)
{
    @p@_feature *const found = state->found;
    uint32_t count = state->found_count, kept = 0;

    for (uint32_t k = count / 2; k-- > 0;)
        sm_sift(found, k, count);
    for (uint32_t end = count; end-- > 1;) {
        const @p@_feature last = found[end];
        found[end] = found[0];
        found[0] = last;
        sm_sift(found, 0, end);
    }
    for (uint32_t k = 0; k < count; k++) {
        if (kept && found[kept - 1].number == found[k].number)
            found[kept - 1].count += found[k].count;
        else
            found[kept++] = found[k];
    }
    state->found_count = kept;
}

static void sm_add_feature(@p@_state *state, const sm_features *features, uint32_t first,
                           uint32_t key)
{
    uint32_t low = 0, high = features->count;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (features->keys[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == features->count || features->keys[low] != key)
        return;
    if (state->found_count == @P@_FEATURES)
        sm_gather(state);
    if (state->found_count == @P@_FEATURES) {
        state->full = 1;
        return;
    }
    state->found[state->found_count].number = first + low;
    state->found[state->found_count++].count = 1;
}

/* Add an item to the latest ones; every n-gram that ends with it is a feature. */
static void sm_add_item(@p@_state *state, uint64_t *items, int *count, uint64_t item, int shortest,
                        int longest, uint64_t seed, const sm_features *features, uint32_t first)
{
    if (*count == longest) {
        memmove(items, items + 1, (size_t)(longest - 1) * sizeof *items);
        --*count;
    }
    items[(*count)++] = item;
    for (int length = shortest; length <= *count; length++) {
        uint64_t key = seed;
        for (int k = *count - length; k < *count; k++)
            key = key * 0x9e3779b97f4a7c15u + items[k];
        sm_add_feature(state, features, first, (uint32_t)(sm_mix(key) >> 32));
    }
}

#if SM_WIDE_WORDS
static void sm_wide_word(@p@_state *state, const unsigned char *word, int size)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (int k = 0; k < size; k++)
        hash = (hash ^ word[k]) * 0x100000001b3u;
    sm_add_item(state, state->words, &state->words_count, sm_mix(hash), 1, SM_WIDE_WORDS, 101,
                &sm_word_features, 0);
}
#endif

#if SM_WIDE_CHARS
static void sm_wide_item(@p@_state *state, uint32_t point)
{
    sm_add_item(state, state->chars, &state->chars_count, sm_mix((uint64_t)point + 1), 2,
                SM_WIDE_CHARS, 202, &sm_char_features, SM_WORD_FEATURES);
}

/* Runs between blanks, each with a blank before and after it. */
static void sm_wide_char(@p@_state *state, uint32_t point, unsigned kind)
{
    uint32_t folded[SM_MOST_FOLDED];

    if (kind & SM_BLANK) {
        if (state->chars_count)
            sm_wide_item(state, ' ');
        state->chars_count = 0;
        return;
    }
    const int many = sm_fold(&sm_folding_keep, point, folded);
    if (many && !state->chars_count)
        sm_wide_item(state, ' ');
    for (int k = 0; k < many; k++)
        sm_wide_item(state, folded[k]);
}
#endif

static void sm_wide_begin(@p@_state *state)
{
    state->found_count = 0;
    state->full = 0;
#if SM_WIDE_WORDS
    state->words_count = 0;
    sm_wide_word(state, NULL, 0);
#endif
#if SM_WIDE_CHARS
    state->chars_count = 0;
#endif
}

/* Add one block's part of the sums: values (1 + ln count) scale, divided by their norm. */
static uint32_t sm_wide_block(const @p@_state *state, const sm_features *features, uint32_t first,
                              uint32_t begin, double *sums)
{
    double squares = 0.0;
    uint32_t end = begin;

    for (; end < state->found_count && state->found[end].number < first + features->count; end++) {
        const @p@_feature *const f = &state->found[end];
        const float value =
            (float)(1.0 + log((double)f->count)) * sm_half(features->scales[f->number - first]);
        squares += (double)value * (double)value;
    }
    const double norm = sqrt(squares);
    const float divisor = (float)(norm > 1e-12 ? norm : 1e-12);
    for (uint32_t k = begin; k < end; k++) {
        const @p@_feature *const f = &state->found[k];
        const float value =
            (float)(1.0 + log((double)f->count)) * sm_half(features->scales[f->number - first]) /
            divisor;
        const int8_t *const row = sm_wide_weights + (size_t)f->number * @P@_CLASSES;
        for (int c = 0; c < @P@_CLASSES; c++)
            sums[c] += (double)(value * (float)(row[c] * (row[c] < 0 ? -row[c] : row[c])));
    }
    return end;
}

/* Add the branch's scores to `scores`, weighed. */
static void sm_wide_scores(@p@_state *state, double *scores)
{
    double sums[@P@_CLASSES] = {0.0};
    uint32_t at = 0;

    sm_gather(state);
#if SM_WIDE_WORDS
    at = sm_wide_block(state, &sm_word_features, 0, at, sums);
#endif
#if SM_WIDE_CHARS
    at = sm_wide_block(state, &sm_char_features, SM_WORD_FEATURES, at, sums);
#endif
    (void)at;
    for (int c = 0; c < @P@_CLASSES; c++)
        scores[c] += SM_WIDE_FACTOR *
                     (sums[c] * (double)sm_wide_steps[c] + (double)sm_wide_bias[c]);
}
