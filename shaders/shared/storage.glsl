// How activations and weights lie in memory: four channels are a vec4, or a uvec2 of halves. Arithmetic is fp32.
// Halves are packed by hand: drivers round packHalf2x16 as they like, and the bytes shall be those of
// round-to-nearest-even everywhere.
#include "shared/params.h"

layout(constant_id = SPEC_FLAGS) const uint flags = 0;
bool has(uint flag) { return (flags & flag) != 0u; }

#ifdef F16
#define STORED uvec2

uvec4 half_bits(vec4 value) {
    const uvec4 bits = floatBitsToUint(value);
    const uvec4 magnitude = bits & 0x7fffffffu;
    const uvec4 odd = (magnitude >> 13) & 1u;
    const uvec4 normal = (magnitude - 0x38000000u + 0xfffu + odd) >> 13;
    // The sum's last bit is a half's smallest step: the addition rounds for us.
    precise vec4 shifted = uintBitsToFloat(magnitude) + 0.5;
    const uvec4 subnormal = floatBitsToUint(shifted) - 0x3f000000u;
    uvec4 result = mix(normal, subnormal, lessThan(magnitude, uvec4(0x38800000u)));
    result = mix(result, uvec4(0x7c00u), greaterThanEqual(magnitude, uvec4(0x477ff000u)));
    result = mix(result, uvec4(0x7e00u), greaterThan(magnitude, uvec4(0x7f800000u)));
    return result | ((bits >> 16) & 0x8000u);
}

vec4 unpack(uvec2 stored) { return vec4(unpackHalf2x16(stored.x), unpackHalf2x16(stored.y)); }

uvec2 pack(vec4 value) {
#ifdef NATIVE_HALVES  // devices with matrix units convert by themselves, to the nearest
    return uvec2(packFloat2x16(f16vec2(value.xy)), packFloat2x16(f16vec2(value.zw)));
#else
    const uvec4 h = half_bits(value);
    return uvec2(h.x | (h.y << 16), h.z | (h.w << 16));
#endif
}
#else
#define STORED vec4
vec4 unpack(vec4 stored) { return stored; }
vec4 pack(vec4 value) { return value; }
#endif

// The number of this workgroup: counts beyond what one dimension takes are folded into the second.
int workgroup_index() { return int(gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x); }
