// y = gain * (a * x + y): the tests of vk/ prove bindings, constants and barriers with it.
#version 450
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require

#ifdef F16
#define STORAGE float16_t
#else
#define STORAGE float
#endif

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint gain = 1;
layout(constant_id = 1) const uint unused = 0;
layout(set = 0, binding = 0) readonly buffer X { STORAGE x[]; };
layout(set = 0, binding = 1) buffer Y { STORAGE y[]; };
layout(push_constant) uniform Push {
    uint count;
    float a;
} push;

void main() {
    const uint i = gl_GlobalInvocationID.x;
    if (i < push.count) y[i] = STORAGE(float(gain) * (push.a * float(x[i]) + float(y[i])));
}
