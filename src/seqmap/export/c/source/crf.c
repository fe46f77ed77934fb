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
