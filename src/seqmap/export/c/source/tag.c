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
        if (count == 0) {
#if SM_INTENTS
            sm_intend(state, 0);
#endif
            return 0;
        }
        const int more = count > @P@_WINDOW, read = more ? @P@_WINDOW : count;
        sm_read_window(state, text, read);
#if SM_INTENTS
        if (!begun)
            sm_intend(state, read);
#endif
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

#if SM_INTENTS
int @p@_intent(const @p@_state *state, float probabilities[@P@_INTENTS])
{
    int best = 0;

    memcpy(probabilities, state->intents, sizeof state->intents);
    for (int k = 1; k < @P@_INTENTS; k++)
        if (probabilities[k] > probabilities[best])
            best = k;
    return best;
}

const char *const @p@_intents[@P@_INTENTS] = {@intents@};
#endif

const char *const @p@_types[@P@_TYPES] = {@labels@};
