/* ---- arithmetic ------------------------------------------------------------------------------ */

/* e^x = 2^n e^r with |r| <= ln 2 / 2; the polynomial is that of Cephes (error 2 units in the last place). */
static float sm_exp(float x)
{
    float n, r, p, scale;
    int32_t power, bits;

    if (!(x > -87.0f))
        return 0.0f;
    if (x > 88.0f)
        x = 88.0f;
    power = (int32_t)(x * 1.44269504f + (x < 0.0f ? -0.5f : 0.5f));
    n = (float)power;
    r = x - n * 0.693359375f;
    r += n * 2.12194440e-4f;
    p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    bits = (power + 127) * (1 << 23);
    memcpy(&scale, &bits, sizeof scale);
    return p * scale;
}

static float sm_sigmoid(float x) { return 1.0f / (1.0f + sm_exp(-x)); }

static float sm_tanh(float x) { return 1.0f - 2.0f / (1.0f + sm_exp(2.0f * x)); }

/* A matrix (outputs, inputs), packed in panels of 16 outputs: panel after panel, in it input after
   input. Its numbers are floats, or bytes with a scale for each output. */
#define SM_PANEL 16
typedef struct {
    const float *floats;
    const int8_t *bytes;
    const float *scales;
    int inputs, outputs;
} sm_matrix;

/* y += m x */
static void sm_add_product(float *y, const sm_matrix *m, const float *x)
{
    const int inputs = m->inputs;

    for (int begin = 0; begin < m->outputs; begin += SM_PANEL) {
        const int left = m->outputs - begin, wide = left < SM_PANEL ? left : SM_PANEL;
        const size_t at = (size_t)begin * (size_t)inputs;
        float sum[SM_PANEL] = {0.0f};

        if (m->bytes) {
            const int8_t *w = m->bytes + at;
            if (wide == SM_PANEL)
                for (int j = 0; j < inputs; j++, w += SM_PANEL)
                    for (int k = 0; k < SM_PANEL; k++)
                        sum[k] += (float)w[k] * x[j];
            else
                for (int j = 0; j < inputs; j++, w += wide)
                    for (int k = 0; k < wide; k++)
                        sum[k] += (float)w[k] * x[j];
            for (int k = 0; k < wide; k++)
                y[begin + k] += sum[k] * m->scales[begin + k];
        } else {
            const float *w = m->floats + at;
            if (wide == SM_PANEL)
                for (int j = 0; j < inputs; j++, w += SM_PANEL)
                    for (int k = 0; k < SM_PANEL; k++)
                        sum[k] += w[k] * x[j];
            else
                for (int j = 0; j < inputs; j++, w += wide)
                    for (int k = 0; k < wide; k++)
                        sum[k] += w[k] * x[j];
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
        sm_add_product(z, &layer->recurrent, h);
        for (int k = 0; k < hidden; k++) {
            c[k] = sm_sigmoid(z[hidden + k]) * c[k] + sm_sigmoid(z[k]) * sm_tanh(z[2 * hidden + k]);
            h[k] = sm_sigmoid(z[3 * hidden + k]) * sm_tanh(c[k]);
        }
    } else if (layer->cell == SM_GRU) { /* h' = n + z (h - n) (Cho et al. 2014) */
        float *u = z + rows;
        memset(u, 0, (size_t)rows * sizeof *u);
        sm_add_product(u, &layer->recurrent, h);
        for (int k = 0; k < hidden; k++) {
            const float r = sm_sigmoid(z[k] + u[k]);
            const float keep = sm_sigmoid(z[hidden + k] + u[hidden + k]);
            const float inner = u[2 * hidden + k] + layer->inner[k];
            const float n = sm_tanh(z[2 * hidden + k] + r * inner);
            h[k] = n + keep * (h[k] - n);
        }
    } else { /* h' = tanh(W x + U h + b) (Elman 1990) */
        sm_add_product(z, &layer->recurrent, h);
        for (int k = 0; k < hidden; k++)
            h[k] = sm_tanh(z[k]);
    }
}
