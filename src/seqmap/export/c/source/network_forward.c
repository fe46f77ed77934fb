/* ---- the network, left to right ---------------------------------------------------------------- */

static void sm_network_begin(@p@_state *state)
{
    memset(state->h, 0, sizeof state->h);
    memset(state->c, 0, sizeof state->c);
    sm_pool_begin(state);
}

static void sm_read(@p@_state *state, uint32_t symbol)
{
    const float *x = state->input;

    sm_row(state->input, &sm_embedding, symbol);
    for (int layer = 0; layer < SM_LAYERS; layer++) {
        sm_step(&sm_encoder[layer], x, state->h[layer], state->c[layer], state->scratch);
        x = state->h[layer];
    }
    state->fresh = state->count == 0;
    state->count++;
    sm_pool(state, x, 0, SM_HIDDEN);
}
