/* SkyTNT's MIDI transformer: .mid files to tokens and back, models that continue them, from plain C.
 *
 * Made by cbindgen from native/midi/src/capi; `cargo test` fails where it is stale, and says how to make it again.
 * No global state. Every call that can fail gives 0 or the status that its error carries. Structs that you fill begin
 * with their size; zero every field that you do not set. Models may be used from several threads, a session from one
 * at a time; `skytnt_midi_session_cancel` may be called from any. What a call hands out is freed by the function that
 * its description names; nothing that you hand in is kept after the call.
 */

#ifndef SKYTNT_MIDI_H
#define SKYTNT_MIDI_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

// Grows when a host that was built against an older header would misread something.
#define SKYTNT_MIDI_API_VERSION 1

// Tokens in a row.
#define SKYTNT_MIDI_ROW 8

// A model's weights; may be used by sessions of several threads at once.
typedef struct SkytntMidiModel SkytntMidiModel;

// Continues pieces with one model. For one thread at a time, save for `skytnt_midi_session_cancel`.
typedef struct SkytntMidiSession SkytntMidiSession;

// Which model, and how its weights are kept. Zero every field that is not set, and set `size`.
typedef struct {
  // `sizeof(SkytntMidiModelDesc)`.
  size_t size;
  // A folder with config.json and model.safetensors (or a .ckpt), or one of these weight files.
  const char *path;
  // "f32", "f16" or "q8"; null: q8, the fastest.
  const char *weights;
  // Name of a published configuration ("tv2o-medium") for weights without config.json; null otherwise.
  const char *config;
  // Folder of a PEFT LoRA that is merged in, or null.
  const char *lora;
} SkytntMidiModelDesc;

// Filled by every call that fails. Texts end with 0; what does not fit is cut.
typedef struct {
  // 1 our own fault, 2 usage, 3 input, 4 memory, 130 cancelled.
  int32_t status;
  // Stable, for programs: "missing-tensor".
  char code[48];
  // Operation, expected, found.
  char message[1024];
  // What to do; may be empty.
  char hint[512];
} SkytntMidiError;

// What a model is.
typedef struct {
  // 1 or 2: version of its tokenizer.
  uint32_t version;
  // Whether seeds are tidied by default.
  bool optimise_midi;
  // Tokens.
  size_t vocab_size;
  // Width of the event net's output.
  size_t hidden_size;
  // Bytes of all matrices in memory.
  size_t weight_bytes;
} SkytntMidiModelInfo;

// How a session works. Zero every field that is not set, and set `size`.
typedef struct {
  // `sizeof(SkytntMidiSessionDesc)`.
  size_t size;
  // Threads; 0: as many as the processor has.
  size_t threads;
  // "avx512-vnni", "avx2", "neon" or "portable"; null: the fastest that the processor has.
  const char *kernels;
} SkytntMidiSessionDesc;

// What a piece begins with, and what is drawn how. Zero every field that is not set, and set `size`.
typedef struct {
  // `sizeof(SkytntMidiComposeDesc)`.
  size_t size;
  // Rows of 8 tokens to continue, or null.
  const uint32_t *seed_rows;
  // Rows in `seed_rows`.
  size_t seed_count;
  // The rows are the prompt as they stand, an eos row and all; instruments, tempo and signatures are not said.
  bool exact_rows;
  // Of random numbers; variation k uses `seed + k`.
  uint64_t seed;
  // Variations; 0 is 1.
  uint32_t count;
  // New events of each; an eos row ends a variation earlier.
  size_t events;
  // Seconds of new music at most; 0: no bound.
  double seconds;
  // Divides logits; 0 takes the likeliest token always.
  float temperature;
  // In 0…1, above 0.
  float top_p;
  // 1 or more; 1 takes the likeliest token always.
  size_t top_k;
  // General MIDI programs, or null.
  const uint8_t *instruments;
  // Programs in `instruments`.
  size_t instrument_count;
  // Program of the drum kit plus 1; 0: none.
  uint32_t drums;
  // Beats a minute; 0: the model's choice.
  uint32_t bpm;
  // Numerator of the time signature; 0: the model's choice.
  uint32_t time_numerator;
  // Its denominator as a power of two.
  uint32_t time_denominator_power;
  // Whether a key is given.
  bool has_key;
  // Its sharps; flats are negative.
  int32_t key_sharps;
  // Whether it is minor.
  bool key_minor;
  // No patch changes.
  bool no_patch_change;
  // No control changes.
  bool no_control_change;
  // Channels that are not used: bit c for channel c.
  uint16_t no_channels;
  // Takes every event as it is there: the variation and its 8 tokens, on the thread that called. Not 0 ends the run
  // as `skytnt_midi_session_cancel(session, true)` does. May be null.
  int32_t (*event)(void *user, uint32_t variation, const uint32_t *row);
  // Handed to `event`.
  void *user;
} SkytntMidiComposeDesc;

// What a run did.
typedef struct {
  // New rows of all variations, eos rows among them.
  size_t events;
  // Their tokens without padding.
  size_t tokens;
  // From the call to the first new event.
  double first_event_seconds;
  // The whole call.
  double seconds;
  // Bytes that the caches hold.
  size_t cache_bytes;
} SkytntMidiComposeReport;

// How a file is tokenised. Zero every field that is not set, and set `size`.
typedef struct {
  // `sizeof(SkytntMidiEncodeDesc)`.
  size_t size;
  // 1 or 2: version of the tokenizer.
  uint32_t version;
  // Number tracks and channels anew.
  bool remap;
  // Add patch 0 where a channel with notes has none.
  bool default_instruments;
  // Leave out settings of channels without notes.
  bool remove_empty_channels;
  // Keep every change of controllers and tempo, also small ones.
  bool keep_small_changes;
  // Exactly the original's rows, also where it drops music.
  bool strict;
} SkytntMidiEncodeDesc;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// `SKYTNT_MIDI_API_VERSION` of the library that was linked, for comparison with the header's.
uint32_t skytnt_midi_api_version(void);

// Loads a model. The file stays mapped while the model lives: it must not be truncated meanwhile.
//
// # Safety
// `desc` as its first field says, its strings end with 0; the others may be written.
int32_t skytnt_midi_model_load(const SkytntMidiModelDesc *desc,
                               SkytntMidiModel **out,
                               SkytntMidiError *error);

// Frees a model; sessions that were made of it go on. Null is fine.
//
// # Safety
// Each once.
void skytnt_midi_model_free(SkytntMidiModel *model);

// What a model is.
//
// # Safety
// `model` is alive, `out` may be written.
int32_t skytnt_midi_model_info(const SkytntMidiModel *model,
                               SkytntMidiModelInfo *out,
                               SkytntMidiError *error);

// Opens a session; it keeps what it needs of the model.
//
// # Safety
// `model` is alive, `desc` is null or as its first field says; the others may be written.
int32_t skytnt_midi_session_new(const SkytntMidiModel *model,
                                const SkytntMidiSessionDesc *desc,
                                SkytntMidiSession **out,
                                SkytntMidiError *error);

// Closes a session, ends its threads. Null is fine.
//
// # Safety
// Each once, and while no other call uses it.
void skytnt_midi_session_free(SkytntMidiSession *session);

// Ends a run before its next token; from any thread. `keep`: the run succeeds with the events that are whole,
// otherwise it fails with status 130. Where no run is under way, the next one ends at once.
//
// # Safety
// `session` is alive.
void skytnt_midi_session_cancel(const SkytntMidiSession *session, bool keep);

// Composes: begins anew with the prompt that the description gives and adds events. The rows are then read with
// `skytnt_midi_session_rows`, also after a run that was cancelled.
//
// # Safety
// `session` is alive, `desc` as its first field says with pointers as its fields say; `report` is null or may be
// written.
int32_t skytnt_midi_session_compose(SkytntMidiSession *session,
                                    const SkytntMidiComposeDesc *desc,
                                    SkytntMidiComposeReport *report,
                                    SkytntMidiError *error);

// The rows of a variation of the last run, its prompt first; free them with `skytnt_midi_rows_free`.
//
// # Safety
// `session` is alive; the others may be written.
int32_t skytnt_midi_session_rows(const SkytntMidiSession *session,
                                 uint32_t variation,
                                 uint32_t **out_rows,
                                 size_t *out_count,
                                 SkytntMidiError *error);

// Teacher-forced outputs for given rows. `hidden` takes `count * hidden_size` floats, the event net's output after
// each row; `logits` takes `(count - 1) * 8 * vocab_size`: place j of row i predicts token j of row i + 1.
//
// # Safety
// `session` is alive, `tokens` points to `count` rows of 8, the others have room as said.
int32_t skytnt_midi_session_logits(SkytntMidiSession *session,
                                   const uint32_t *tokens,
                                   size_t count,
                                   float *hidden,
                                   float *logits,
                                   SkytntMidiError *error);

// Frees rows that a call gave, with the count that it gave. Null is fine.
//
// # Safety
// Each once, and with its own count.
void skytnt_midi_rows_free(uint32_t *rows, size_t count);

// Frees bytes that a call gave, with the count that it gave. Null is fine.
//
// # Safety
// Each once, and with its own count.
void skytnt_midi_bytes_free(uint8_t *bytes, size_t count);

// Frees a string that a call gave. Null is fine.
//
// # Safety
// Each once.
void skytnt_midi_string_free(char *text);

// Tokenises the bytes of a .mid file. `out_rows` gets `out_count` rows of 8 tokens, bos and eos among them; free them
// with `skytnt_midi_rows_free`. `out_notices`, where not null, gets sentences about what was left out or bent, one a
// line, or null; free it with `skytnt_midi_string_free`.
//
// # Safety
// `bytes` points to `length` bytes; `desc` as its first field says; the others may be written.
int32_t skytnt_midi_encode(const uint8_t *bytes,
                           size_t length,
                           const SkytntMidiEncodeDesc *desc,
                           uint32_t **out_rows,
                           size_t *out_count,
                           char **out_notices,
                           SkytntMidiError *error);

// Makes the bytes of a .mid file of rows; free them with `skytnt_midi_bytes_free`. Rows that mean nothing are passed
// over.
//
// # Safety
// `tokens` points to `count` rows of 8; the others may be written.
int32_t skytnt_midi_decode(uint32_t version,
                           const uint32_t *tokens,
                           size_t count,
                           uint8_t **out_bytes,
                           size_t *out_length,
                           SkytntMidiError *error);

// Reads a version's name ("v1", "v2") to 1 or 2; 0 for anything else.
//
// # Safety
// `name` is null or ends with 0.
uint32_t skytnt_midi_version(const char *name);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SKYTNT_MIDI_H */
