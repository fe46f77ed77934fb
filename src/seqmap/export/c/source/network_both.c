/* ---- the network, in both directions ------------------------------------------------------------ */

static uint32_t sm_symbol_at(const @p@_state *state, int place);

/* Read a whole text of `count` symbols: layer after layer, each in both directions. What the last
   layer says is pooled at once, unless attention needs both directions together. */
static void sm_read_all(@p@_state *state, int count)
{
    sm_pool_begin(state);
    state->count = (uint32_t)count;
    for (int layer = 0; layer < SM_LAYERS; layer++)
        for (int side = 0; side < 2; side++) {
            memset(state->h, 0, sizeof state->h);
            memset(state->c, 0, sizeof state->c);
            for (int step = 0; step < count; step++) {
                const int place = side ? count - 1 - step : step;
                const float *x = state->input;
#if SM_BUFFERS
                if (layer)
                    x = state->states[(layer - 1) % SM_BUFFERS][place];
                else
#endif
                    sm_row(state->input, &sm_embedding, sm_symbol_at(state, place));
                sm_step(&sm_encoder[2 * layer + side], x, state->h, state->c, state->scratch);
#if SM_BUFFERS
                if (layer < SM_LAYERS - 1 || SM_POOLING == SM_ATTENTION) {
                    memcpy(state->states[layer % SM_BUFFERS][place] + side * SM_HIDDEN, state->h,
                           sizeof state->h);
                    continue;
                }
#endif
                state->fresh = step == 0;
                sm_pool(state, state->h, side * SM_HIDDEN, SM_HIDDEN);
            }
        }
#if SM_POOLING == SM_ATTENTION
    for (int place = 0; place < count; place++)
        sm_pool(state, state->states[(SM_LAYERS - 1) % SM_BUFFERS][place], 0, SM_WIDTH);
#endif
}
