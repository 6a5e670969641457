// Push constants, specialisation constants and flags, included by C++ (ops/) and GLSL alike.
// Offsets and strides count vec4s (four channels). Offsets are signed: a shader adds them to an index in the whole
// tensor, while the binding may begin at a later row.
#ifndef SLUICE_SHADERS_PARAMS_H
#define SLUICE_SHADERS_PARAMS_H

// Specialisation constants common to all shaders.
#define SPEC_LOCAL_SIZE 0  // invocations of a workgroup
#define SPEC_FLAGS 1
#define SPEC_ACTIVATION 2
// Conv
#define SPEC_KERNEL 3  // 1 or 3
#define SPEC_STRIDE 4
#define SPEC_ROWS 5     // pixels an invocation accumulates
#define SPEC_COLUMNS 6  // conv_cpu: vec4s of output channels a lane accumulates
// conv_matrix: a workgroup's tile in pixels, channels and inputs, a subgroup's share of it, the device's matrices
#define SPEC_TILE_M 5
#define SPEC_TILE_N 6
#define SPEC_TILE_K 7
#define SPEC_WARP_M 8
#define SPEC_WARP_N 9
#define SPEC_MATRIX_M 10  // these three also of attention_matrix and attention_flash
#define SPEC_MATRIX_N 11
#define SPEC_MATRIX_K 12
#define SPEC_HALO 13
// attention_matrix: groups of matrix_m queries, subgroups that share a group, keys at a time, and how they are staged
#define SPEC_GROUPS 5
#define SPEC_SHARES 6
#define SPEC_KEYS 7
#define SPEC_KEY_COLUMNS 8  // channels of the keys staged at a time
#define SPEC_VALUE_ROWS 9   // values staged at a time
// attention_flash: SPEC_GROUPS subgroups with so many times matrix_m queries each; SPEC_KEYS
#define SPEC_PARTS 6
// Attention
#define SPEC_HEAD 3  // vec4s of a head
// attention_cpu, which takes a head of any size: vec4s of it for each lane; SPEC_ROWS, queries; SPEC_COLUMNS, keys of a lane
#define SPEC_SLOTS 3

// Which optional parts of an op are there, and which of its tensors hold fp32 whatever the storage precision.
#define FLAG_A 0x1
#define FLAG_A2 0x2
#define FLAG_ROW_STATS 0x4
#define FLAG_AFFINE 0x8
#define FLAG_GAMMA 0x10
#define FLAG_BETA 0x20
#define FLAG_SILU_IN 0x40
#define FLAG_UPSAMPLE 0x80
#define FLAG_BIAS 0x100
#define FLAG_CHANNEL_ADD 0x200
#define FLAG_RESIDUAL 0x400  // Pointwise: b
#define FLAG_CAUSAL 0x800
#define FLAG_A_F32 0x1000
#define FLAG_A2_F32 0x2000
#define FLAG_CHANNEL_ADD_F32 0x4000
#define FLAG_RESIDUAL_F32 0x8000
#define FLAG_OUT_F32 0x10000
#define FLAG_PARTIAL 0x20000  // conv_matrix: bare sums of a share of the inputs
#define FLAG_TEXELS 0x100000  // shifted by the number of a binding that is to be fetched as texels

// Values of sluice::Activation.
#define ACTIVATION_NONE 0
#define ACTIVATION_SILU 1
#define ACTIVATION_QUICK_GELU 2
#define ACTIVATION_GELU 3
#define ACTIVATION_GEGLU 4

#ifdef __cplusplus
namespace sluice::shaders {
#endif

struct ConvParams {
    int a_offset, a2_offset, fold_offset, add_offset, residual_offset, out_offset;
    int in_height, in_width;      // of the tensor
    int field_height, field_width;  // as the kernel sees it: after upsampling
    int out_width;
    int row_begin;        // first output row of this dispatch
    int batch_begin;      // and its first image
    int pixels;           // output pixels of this dispatch in each image
    int tiles;            // workgroups that cover them in all images
    int workgroups;       // tiles * column tiles
    int out_pixels;       // output pixels of a whole image
    int residual_pixels;  // the same, or 0 when one image's residual serves the batch
    int add_stride;       // vec4s from one image's channel_add to the next, 0 when one serves the batch
    int a_channels, a2_channels, out_channels;  // vec4s
    int panel_begin, panel_end;
    int pad;
    float scale;
    // conv_matrix and conv_reduce
    int images;            // of this dispatch
    int column_tiles;      // workgroups that cover its panels
    int splits;            // shares of the inputs
    int partial_channels;  // vec4s
};

struct GroupNormParams {
    int a_offset, a2_offset, partial_offset, out_offset;
    int a_channels, a2_channels;    // vec4s
    int a_real, channels;           // channels without padding: of a, of both
    int groups, group_channels;
    int pixels;                     // of a whole image
    int chunk_pixels;
    int chunk_begin, chunk_count, chunks;  // of this dispatch, of an image
    int batch_begin, batches;
    int workgroups;
    float eps;
};

struct LayerNormParams {
    int a_offset, out_offset;
    int a_channels, channels;  // vec4s; without padding
    int row_begin, rows;
    int workgroups;
    float eps;
};

struct AttentionParams {
    int q_offset, k_offset, v_offset, out_offset;
    int q_stride, k_stride, v_stride, out_stride;  // vec4s from token to token
    int queries, keys;                             // tokens of one image
    int query_begin, query_count;                  // of this dispatch
    int batch_begin;
    int key_batch;  // 1, or 0 when one image's keys serve the batch
    int heads;
    int tiles;  // workgroups that cover query_count
    int workgroups;
    float scale;
    // attention_cpu
    int head;        // vec4s
    int later_keys;  // that a query sees after its own: 0 when causal
};

struct PointwiseParams {
    int a_offset, stats_offset, b_offset, out_offset;
    int channels;           // vec4s
    int row_begin;
    int pixels;             // of a whole image
    int a_pixels, b_pixels;  // the same, or 0 when one image serves the batch
    int count;              // vec4s of this dispatch
    float scale_b;
};

#ifdef __cplusplus
}  // namespace sluice::shaders
#endif
#endif
