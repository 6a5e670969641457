/* Sluice's engine: Stable Diffusion 1.x with ControlNets, streamed block by block through Vulkan compute.
 *
 * Not here: image files (pixels go in and out as bytes), user settings, downloads, any thread of the host's.
 * Plain C, no global state: everything hangs off a context. A context may be used from one thread at a time;
 * `sluice_job_cancel` alone may be called from any thread. Structs start with their size, so that a newer
 * library reads an older host's; zero every field that is not set. Strings are UTF-8.
 */
#ifndef SLUICE_H
#define SLUICE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SLUICE_API_VERSION 1

/* Equal to the command line's exit codes. */
typedef enum sluice_status {
    SLUICE_OK = 0,
    SLUICE_INTERNAL = 1, /* our own fault */
    SLUICE_USAGE = 2,    /* an unknown name, a value out of range */
    SLUICE_INPUT = 3,    /* a file, a model, a size that cannot work */
    SLUICE_DEVICE = 4,   /* no such device, out of memory, budget too small, device lost */
    SLUICE_CANCELLED = 130
} sluice_status;

/* Filled by every call that fails. Always terminated by 0; text that does not fit is cut. */
typedef struct sluice_error {
    sluice_status status;
    char code[48];      /* stable, for programs: "budget-too-small" */
    char message[1024]; /* operation, expected, found */
    char hint[512];     /* what to do; may be empty */
} sluice_error;

typedef struct sluice_context sluice_context;

typedef enum sluice_precision { SLUICE_PRECISION_AUTO = 0, SLUICE_FP32 = 1, SLUICE_FP16 = 2 } sluice_precision;

typedef struct sluice_context_desc {
    size_t size;
    const char* device;       /* NULL or "auto", an index, or part of a device's name */
    const char* cache_dir;    /* block caches, pipeline caches; created when absent; required */
    const char* resource_dir; /* tokenizer vocabulary ("tokenizer/"); required for prompts */
    /* A host may hand in its own device (all four or none): VkInstance, VkPhysicalDevice, VkDevice, VkQueue,
     * created with Vulkan 1.2, timelineSemaphore, and, when fp16 is wanted, storageBuffer16BitAccess and
     * shaderFloat16. The queue must not be used by the host while a call runs. */
    void* vk_instance;
    void* vk_physical_device;
    void* vk_device;
    void* vk_queue;
    uint32_t vk_queue_family;
    void* vk_get_instance_proc_addr; /* NULL: the system's loader */
    uint32_t vk_fp16; /* 1: that device was created with 16-bit storage and shaderFloat16 (Vulkan cannot be asked) */
    /* 1: what a job leaves behind stays for the next one, as far as its budget holds all stages at once: resident
     * weights, recordings, imported caches. Pictures are the same; sluice_context_trim gives the memory back. */
    uint32_t keep_warm;
} sluice_context_desc;

/* A call that fails with "device-lost" takes what the context kept on the device with it; the next call opens the device
 * anew. A context of the host's own device cannot, and fails with "device-lost" from then on. */
sluice_status sluice_context_create(const sluice_context_desc* desc, sluice_context** out, sluice_error* error);
void sluice_context_destroy(sluice_context* context);

/* Frees what was kept between jobs, on the device and in host memory. Not while a call runs on the context. */
void sluice_context_trim(sluice_context* context);

/* Text owned by the library until sluice_string_free. */
void sluice_string_free(char* text);

/* A JSON array of devices: index, name, type, driver, api_version, heaps, budget_bytes, subgroup_size, features. */
sluice_status sluice_devices_json(char** out, sluice_error* error);

/* Ask the running call on this context to stop; it returns SLUICE_CANCELLED. Any thread, any time. A cancel
 * that arrives while nothing runs is forgotten. */
void sluice_job_cancel(sluice_context* context);

/* 8-bit RGB or grey pixels, rows from the top, no padding between rows. */
typedef struct sluice_image {
    uint32_t width, height;
    const uint8_t* pixels;
} sluice_image;

typedef struct sluice_control {
    const char* model; /* file or folder */
    sluice_image hint; /* RGB, exactly the picture's size */
    float strength;    /* 1 */
    double start, end; /* 0 and 1: active at step i of n while i/n >= start and (i+1)/n <= end */
} sluice_control;

typedef struct sluice_progress {
    const char* stage; /* "load", "encode", "sample", "decode" */
    uint32_t step, steps;
    double seconds; /* since the job began */
} sluice_progress;

typedef struct sluice_callbacks {
    void* user;
    void (*progress)(void* user, const sluice_progress* progress);
    /* A cheap preview of the predicted picture (of those that share a pass, the first), width/8 x height/8, RGB;
     * valid during the call only. */
    void (*preview)(void* user, uint32_t step, const sluice_image* image);
    /* Things to tell a person: "stage sample overflowed in fp16 and is run again in fp32". */
    void (*notice)(void* user, const char* text);
} sluice_callbacks;

typedef struct sluice_memory {
    uint64_t budget_bytes; /* 0: from the driver's own budget, and weights are read in place where memory is shared */
    sluice_precision precision;
} sluice_memory;

/* A LoRA or LoCon file as kohya-ss's trainers, diffusers or PEFT save it. The network with it is converted as a whole
 * when it is first used, and kept in cache_dir while it is among the last three. */
typedef struct sluice_lora {
    const char* path;
    float strength; /* 1 */
} sluice_lora;

/* How prompts are read. A1111: weights as that web UI has them, "(red hat:1.2)", "(red)", "[red]", "\\(" for a bracket
 * that is one, BREAK; what it has beyond these (prompts that change while sampling, <lora:…>) is refused by name. */
typedef enum sluice_prompt_syntax { SLUICE_PROMPT_LITERAL = 0, SLUICE_PROMPT_A1111 = 1 } sluice_prompt_syntax;

typedef struct sluice_paint_desc {
    size_t size;
    const char* model; /* diffusers folder, .safetensors or .ckpt */
    const char* vae;   /* NULL: the model's own */
    const char* prompt;
    const char* negative;   /* NULL: empty */
    uint32_t width, height; /* pixels, multiples of 8 */
    uint32_t steps;
    float cfg;            /* <= 1 skips the negative prompt */
    const char* sampler;  /* "euler" */
    const char* schedule; /* "normal" */
    uint64_t seed;
    uint32_t count;     /* pictures; picture k uses seed + k; they share passes of the weights where memory allows */
    uint32_t clip_skip; /* 1: the last layer */
    uint32_t vae_tiling;
    const sluice_control* controls;
    uint32_t control_count;
    const sluice_image* init; /* RGB at the picture's size; NULL: text to image */
    const sluice_image* mask; /* grey at the picture's size, white is repainted; needs init */
    double strength;          /* of image to image */
    const float* latents;     /* NULL, or [4, height/8, width/8]: unit-variance starting noise */
    uint32_t preview_every;   /* 0: never */
    const char* trace;        /* NULL, or where to write the run's timeline (Chrome trace JSON) */
    sluice_memory memory;
    /* A desc that ends here, as older hosts have it, has literal prompts and no LoRA. */
    sluice_prompt_syntax prompt_syntax; /* of prompt and negative */
    uint32_t lora_count;
    const sluice_lora* loras; /* added to the model in order */
} sluice_paint_desc;

typedef struct sluice_figures {
    double seconds, load_seconds, encode_seconds, decode_seconds;
    const double* step_seconds; /* step_count entries, owned by the result */
    uint32_t step_count;
    uint64_t peak_device_bytes; /* most that vkAllocateMemory held at once on device-local heaps */
    uint64_t driver_peak_bytes; /* 0 where the driver does not count */
    uint64_t in_place_bytes;    /* weights read in host memory */
    uint64_t budget_bytes;
    uint64_t uploaded_bytes; /* weights copied host to device */
    uint64_t predicted_peak_bytes;
    uint32_t cold; /* 1: a block or pipeline cache was made by this job */
    char device[256];
    char precision[8];
} sluice_figures;

typedef struct sluice_result sluice_result;

sluice_status sluice_paint(sluice_context* context, const sluice_paint_desc* desc, const sluice_callbacks* callbacks,
                           sluice_result** out, sluice_error* error);
uint32_t sluice_result_count(const sluice_result* result);
/* Pixels stay owned by the result. */
sluice_status sluice_result_image(const sluice_result* result, uint32_t index, sluice_image* out);
/* Final latents of picture `index`, before scaling for the VAE: [4, height/8, width/8] float32. */
const float* sluice_result_latents(const sluice_result* result, uint32_t index, size_t* element_count);
void sluice_result_figures(const sluice_result* result, sluice_figures* out);
void sluice_result_destroy(sluice_result* result);

/* What the engine would keep, stream and free. Needs no device. `job`: a paint job of which model, size, cfg,
 * controls' models (pixels unused), memory and steps count. JSON as `sluice plan` prints it. */
typedef struct sluice_plan_desc {
    size_t size;
    const sluice_paint_desc* job;
    double link_bytes_per_second;      /* 0: 12.5e9 */
    double flops_per_second;           /* 0: 5e12 */
    uint64_t max_storage_buffer_range; /* 0: the device's, or 128 MiB */
    const char* device; /* NULL: a discrete device in general; else a device's index, whose limits and memory count */
} sluice_plan_desc;
sluice_status sluice_plan_json(const sluice_plan_desc* desc, char** out, sluice_error* error);

/* One forward pass of one network over safetensors files ("text-encoder", "unet", "controlnet", "vae-encoder",
 * "vae-decoder"). JSON with seconds, peak_device_bytes, uploaded_bytes. */
typedef struct sluice_probe_desc {
    size_t size;
    const char* network;
    const char* model;
    const char* in_path;
    const char* out_path;
    sluice_memory memory;
} sluice_probe_desc;
sluice_status sluice_probe(sluice_context* context, const sluice_probe_desc* desc, char** out, sluice_error* error);

/* Token ids of a text: 77, truncated as CLIP's tokenizer does. `model` may be NULL: CLIP's vocabulary. */
sluice_status sluice_tokenize(const char* resource_dir, const char* model, const char* text, int32_t ids[77],
                              sluice_error* error);

/* What a model file or folder is (kind, architecture, parameters, bytes, problems); with `verify`, every tensor is
 * read and checked for NaN and infinity. JSON. */
sluice_status sluice_inspect_json(const char* path, int verify, char** out, sluice_error* error);

/* Names of samplers and their schedules, JSON. */
sluice_status sluice_samplers_json(char** out, sluice_error* error);

/* What a job would take these names for (A1111's and ComfyUI's count too), as {"sampler", "schedule"}; a name that is
 * not there and a schedule that the sampler cannot take are wrong usage, and the message lists those that are. JSON. */
sluice_status sluice_resolve_sampler_json(const char* sampler, const char* schedule, char** out, sluice_error* error);

#ifdef __cplusplus
}
#endif
#endif
