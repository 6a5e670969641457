vec4 silu(vec4 x) { return x / (1.0 + exp(-x)); }

// Absolute error below 1.5e-7 (Abramowitz and Stegun, formula 7.1.26).
vec4 erf(vec4 x) {
    const vec4 t = 1.0 / (1.0 + 0.3275911 * abs(x));
    const vec4 poly =
        t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    return sign(x) * (1.0 - poly * exp(-x * x));
}

vec4 gelu(vec4 x) { return 0.5 * x * (1.0 + erf(x * 0.70710678)); }

layout(constant_id = SPEC_ACTIVATION) const int activation = ACTIVATION_NONE;

vec4 activate(vec4 x) {
    if (activation == ACTIVATION_SILU) return silu(x);
    if (activation == ACTIVATION_QUICK_GELU) return x / (1.0 + exp(-1.702 * x));
    if (activation == ACTIVATION_GELU) return gelu(x);
    return x;
}
