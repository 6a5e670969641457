// Bindings that the variants of Attention share. See Attention in ops/op.h.
#include "shared/storage.glsl"

#ifndef ANY_HEAD
layout(constant_id = SPEC_HEAD) const int head = 10;  // vec4s
#endif
layout(push_constant) uniform Push { AttentionParams p; };
layout(binding = 0) readonly buffer Q { STORED q[]; };
layout(binding = 1) readonly buffer K { STORED k[]; };
layout(binding = 2) readonly buffer V { STORED stored_v[]; };
layout(binding = 3) writeonly buffer Out { STORED result[]; };

const float lowest = -3.0e38;  // below every score, and finite, so that differences are numbers
