/* ---- pooling: from states to one vector -------------------------------------------------------- */

#define SM_LAST 0
#define SM_MEAN 1
#define SM_MAX 2
#define SM_ATTENTION 3
#define SM_MEAN_MAX 4

static void sm_pool_begin(@p@_state *state)
{
    memset(state->pooled, 0, sizeof state->pooled);
    state->count = 0;
#if SM_POOLING == SM_MEAN || SM_POOLING == SM_MEAN_MAX || SM_POOLING == SM_ATTENTION
    memset(state->sum, 0, sizeof state->sum);
#endif
#if SM_POOLING == SM_ATTENTION
    state->top = -HUGE_VAL;
    state->total = 0.0;
#endif
}

/* Take the state of one symbol, `hidden` numbers of it that begin at `offset`. */
static void sm_pool(@p@_state *state, const float *h, int offset, int hidden)
{
#if SM_POOLING == SM_LAST
    memcpy(state->pooled + offset, h, (size_t)hidden * sizeof *h);
#elif SM_POOLING == SM_ATTENTION
    /* u = tanh(W h + b), weights softmax(u . context) (Yang et al. 2016, eq. 5-7), rescaled whenever
       a larger score comes (Milakov & Gimelshein 2018). */
    double score = 0.0, top, weight, decay;

    memcpy(state->inner, sm_pool_bias, sizeof sm_pool_bias);
    sm_add_product(state->inner, &sm_pool_project, h);
    for (int k = 0; k < SM_ATTENTION_SIZE; k++)
        score += (double)(sm_tanh(state->inner[k]) * sm_pool_context[k]);
    top = score > state->top ? score : state->top;
    weight = exp(score - top);
    decay = exp(state->top - top);
    state->top = top;
    state->total = state->total * decay + weight;
    for (int k = 0; k < hidden; k++)
        state->sum[offset + k] = state->sum[offset + k] * decay + weight * (double)h[k];
#else
    for (int k = 0; k < hidden; k++) {
#if SM_POOLING == SM_MEAN || SM_POOLING == SM_MEAN_MAX
        state->sum[offset + k] += (double)h[k];
#endif
#if SM_POOLING == SM_MAX || SM_POOLING == SM_MEAN_MAX
        float *const most = state->pooled + (SM_POOLING == SM_MAX ? 0 : SM_WIDTH) + offset + k;
        if (state->fresh || h[k] > *most)
            *most = h[k];
#endif
    }
#endif
}

/* Write the pooled vector to state->pooled; zeros where nothing was read. */
static void sm_pool_end(@p@_state *state)
{
#if SM_POOLING == SM_ATTENTION
    for (int k = 0; state->count && k < SM_WIDTH; k++)
        state->pooled[k] = (float)(state->sum[k] / state->total);
#elif SM_POOLING == SM_MEAN || SM_POOLING == SM_MEAN_MAX
    for (int k = 0; state->count && k < SM_WIDTH; k++)
        state->pooled[k] = (float)(state->sum[k] / (double)state->count);
#else
    (void)state;
#endif
}
