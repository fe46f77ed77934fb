/* ---- arithmetic ------------------------------------------------------------------------------ */

/* e^x = 2^n e^r with |r| <= ln 2 / 2; the polynomial is that of Cephes (error 2 units in the last
   place). Without branches, so that compilers can make vector instructions of loops over it. */
static inline float sm_exp(float x)
{
    union {
        int32_t bits;
        float value;
    } scale;
    float n, r, p;
    int32_t power;

    x = x > -87.0f ? x : -87.0f;
    x = x < 88.0f ? x : 88.0f;
#if defined(__FAST_MATH__) || FLT_EVAL_METHOD != 0
    power = (int32_t)(x * 1.44269504f + 128.5f) - 128; /* rounded: what is cut off is positive */
    n = (float)power;
#else
    /* The same, as vector instructions: what is added leaves no room for a fraction. */
    n = x * 1.44269504f + 12582912.0f;
    scale.value = n;
    power = scale.bits - 0x4b400000;
    n -= 12582912.0f;
#endif
    r = x - n * 0.693359375f;
    r += n * 2.12194440e-4f;
    p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    scale.bits = (power + 127) * (1 << 23);
    return p * scale.value;
}

static inline float sm_tanh(float x) { return 1.0f - 2.0f / (1.0f + sm_exp(2.0f * x)); }

static void sm_sigmoids(float *x, int count)
{
    for (int k = 0; k < count; k++)
        x[k] = 1.0f / (1.0f + sm_exp(-x[k]));
}

static void sm_tanhs(float *x, int count)
{
    for (int k = 0; k < count; k++)
        x[k] = sm_tanh(x[k]);
}

/* A matrix (outputs, inputs), packed in panels of 32 outputs: panel after panel, in it input after
   input. Its numbers are floats, or bytes with a scale for each output. */
#define SM_PANEL 32
typedef struct {
    const float *floats;
    const int8_t *bytes;
    const float *scales;
    int inputs, outputs;
} sm_matrix;

/* sum += panel x, four inputs at a time: compilers make vector instructions of the inner loops. */
static inline void sm_panel_floats(float *restrict sum, const float *restrict w, const float *restrict x,
                            int inputs, int wide)
{
    int j = 0;

    for (; j + 4 <= inputs; j += 4, w += 4 * wide) {
        const float a = x[j], b = x[j + 1], c = x[j + 2], d = x[j + 3];
        const float *const w1 = w + wide, *const w2 = w1 + wide, *const w3 = w2 + wide;
        for (int k = 0; k < wide; k++)
            sum[k] += (w[k] * a + w1[k] * b) + (w2[k] * c + w3[k] * d);
    }
    for (; j < inputs; j++, w += wide)
        for (int k = 0; k < wide; k++)
            sum[k] += w[k] * x[j];
}

static inline void sm_panel_bytes(float *restrict sum, const int8_t *restrict w, const float *restrict x,
                           int inputs, int wide)
{
    int j = 0;

    for (; j + 4 <= inputs; j += 4, w += 4 * wide) {
        const float a = x[j], b = x[j + 1], c = x[j + 2], d = x[j + 3];
        const int8_t *const w1 = w + wide, *const w2 = w1 + wide, *const w3 = w2 + wide;
        for (int k = 0; k < wide; k++)
            sum[k] += ((float)w[k] * a + (float)w1[k] * b) + ((float)w2[k] * c + (float)w3[k] * d);
    }
    for (; j < inputs; j++, w += wide)
        for (int k = 0; k < wide; k++)
            sum[k] += (float)w[k] * x[j];
}

/* y += m x */
static void sm_add_product(float *y, const sm_matrix *m, const float *x)
{
    for (int begin = 0; begin < m->outputs; begin += SM_PANEL) {
        const int left = m->outputs - begin, wide = left < SM_PANEL ? left : SM_PANEL;
        const size_t at = (size_t)begin * (size_t)m->inputs;
        float sum[SM_PANEL] = {0.0f};

        if (m->bytes) {
            if (wide == SM_PANEL) /* a size that compilers know */
                sm_panel_bytes(sum, m->bytes + at, x, m->inputs, SM_PANEL);
            else
                sm_panel_bytes(sum, m->bytes + at, x, m->inputs, wide);
            for (int k = 0; k < wide; k++)
                y[begin + k] += sum[k] * m->scales[begin + k];
        } else {
            if (wide == SM_PANEL)
                sm_panel_floats(sum, m->floats + at, x, m->inputs, SM_PANEL);
            else
                sm_panel_floats(sum, m->floats + at, x, m->inputs, wide);
            for (int k = 0; k < wide; k++)
                y[begin + k] += sum[k];
        }
    }
}

/* Vectors of symbols, one after the other: floats, or bytes with a scale for each vector. */
typedef struct {
    const float *floats;
    const int8_t *bytes;
    const float *scales;
    int columns;
} sm_table;

static void sm_row(float *y, const sm_table *table, uint32_t row)
{
    const size_t at = (size_t)row * (size_t)table->columns;

    for (int k = 0; k < table->columns; k++)
        y[k] = table->bytes ? (float)table->bytes[at + (size_t)k] * table->scales[row]
                            : table->floats[at + (size_t)k];
}

/* ---- recurrent layers ------------------------------------------------------------------------ */

enum { SM_LSTM, SM_GRU, SM_RNN };

typedef struct {
    int cell;
    sm_matrix input, recurrent;
    const float *bias;  /* added to the input's part */
    const float *inner; /* of the GRU: added to the state's part of n */
} sm_layer;

/* One step. z is scratch: 4 hidden numbers for the LSTM, 6 for the GRU, 1 for the RNN. */
static void sm_step(const sm_layer *layer, const float *x, float *h, float *c, float *z)
{
    const int hidden = layer->recurrent.inputs, rows = layer->recurrent.outputs;

    memcpy(z, layer->bias, (size_t)rows * sizeof *z);
    sm_add_product(z, &layer->input, x);
    if (layer->cell == SM_LSTM) { /* c' = f c + i g, h' = o tanh c' (Gers et al. 2000) */
        float *const f = z + hidden, *const g = f + hidden, *const o = g + hidden;
        sm_add_product(z, &layer->recurrent, h);
        sm_sigmoids(z, 2 * hidden);
        sm_tanhs(g, hidden);
        sm_sigmoids(o, hidden);
        for (int k = 0; k < hidden; k++)
            g[k] = c[k] = f[k] * c[k] + z[k] * g[k];
        sm_tanhs(g, hidden);
        for (int k = 0; k < hidden; k++)
            h[k] = o[k] * g[k];
    } else if (layer->cell == SM_GRU) { /* h' = n + z (h - n) (Cho et al. 2014) */
        float *const u = z + rows, *const keep = z + hidden, *const n = keep + hidden;
        memset(u, 0, (size_t)rows * sizeof *u);
        sm_add_product(u, &layer->recurrent, h);
        for (int k = 0; k < 2 * hidden; k++)
            z[k] += u[k];
        sm_sigmoids(z, 2 * hidden);
        for (int k = 0; k < hidden; k++)
            n[k] += z[k] * (u[2 * hidden + k] + layer->inner[k]);
        sm_tanhs(n, hidden);
        for (int k = 0; k < hidden; k++)
            h[k] = n[k] + keep[k] * (h[k] - n[k]);
    } else { /* h' = tanh(W x + U h + b) (Elman 1990) */
        sm_add_product(z, &layer->recurrent, h);
        sm_tanhs(z, hidden);
        memcpy(h, z, (size_t)hidden * sizeof *h);
    }
}
