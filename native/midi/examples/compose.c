/* Continues a .mid file: compose MODEL SEED.mid OUT.mid EVENTS [MODEL2]
 *
 * Shows the whole C interface: a seed to rows, a model, a session, events as they arrive, rows back to a file. With a
 * second model both compose at once, each on a thread of its own.
 */
#include <pthread.h>
#include <skytnt_midi.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  const char *model_path;
  const char *out_path;
  const uint8_t *seed_bytes;
  size_t seed_length;
  size_t events;
  int failed;
} Task;

static int report(const char *what, const SkytntMidiError *error) {
  fprintf(stderr, "%s: %s (%s) %s\n", what, error->message, error->code, error->hint);
  return 1;
}

static int32_t on_event(void *user, uint32_t variation, const uint32_t *row) {
  (void)variation;
  (void)row;
  ++*(size_t *)user;
  return 0; /* anything else ends the run and keeps what is there */
}

static int write_file(const char *path, const uint8_t *bytes, size_t length) {
  FILE *file = fopen(path, "wb");
  int ok = file && fwrite(bytes, 1, length, file) == length;
  if (file && fclose(file) != 0) ok = 0;
  if (!ok) fprintf(stderr, "%s cannot be written\n", path);
  return ok ? 0 : 1;
}

static int compose(const Task *task) {
  SkytntMidiError error;
  SkytntMidiModel *model = NULL;
  SkytntMidiSession *session = NULL;
  SkytntMidiModelInfo info;
  uint32_t *seed = NULL, *rows = NULL;
  uint8_t *bytes = NULL;
  size_t seed_count = 0, count = 0, length = 0, seen = 0;
  char *notices = NULL;
  int failed = 1;

  SkytntMidiModelDesc which = {.size = sizeof which, .path = task->model_path, .weights = "f32"};
  if (skytnt_midi_model_load(&which, &model, &error) || skytnt_midi_model_info(model, &info, &error)) {
    return report("model", &error);
  }
  SkytntMidiEncodeDesc how = {.size = sizeof how, .version = info.version, .remap = info.optimise_midi,
                              .default_instruments = info.optimise_midi,
                              .remove_empty_channels = info.optimise_midi};
  SkytntMidiComposeDesc job = {.size = sizeof job, .seed = 1, .events = task->events, .temperature = 1.0f,
                               .top_p = 0.94f, .top_k = 20, .event = on_event, .user = &seen};
  SkytntMidiComposeReport done;
  if (skytnt_midi_encode(task->seed_bytes, task->seed_length, &how, &seed, &seed_count, &notices, &error)) {
    report("seed", &error);
  } else if (skytnt_midi_session_new(model, NULL, &session, &error)) {
    report("session", &error);
  } else {
    if (notices) fprintf(stderr, "%s\n", notices);
    job.seed_rows = seed;
    job.seed_count = seed_count;
    if (skytnt_midi_session_compose(session, &job, &done, &error)) {
      report("compose", &error);
    } else if (skytnt_midi_session_rows(session, 0, &rows, &count, &error) ||
               skytnt_midi_decode(info.version, rows, count, &bytes, &length, &error)) {
      report("result", &error);
    } else {
      failed = write_file(task->out_path, bytes, length);
      printf("%s: %zu new events (%zu seen), %zu rows\n", task->out_path, done.events, seen, count);
    }
  }
  skytnt_midi_bytes_free(bytes, length);
  skytnt_midi_rows_free(rows, count);
  skytnt_midi_rows_free(seed, seed_count);
  skytnt_midi_string_free(notices);
  skytnt_midi_session_free(session);
  skytnt_midi_model_free(model);
  return failed;
}

static void *compose_thread(void *user) {
  Task *task = user;
  task->failed = compose(task);
  return NULL;
}

int main(int argc, char **argv) {
  static uint8_t seed[1 << 20];
  size_t length = 0, events = 0;
  char second_path[1024];
  FILE *file;
  if (argc < 5 || sscanf(argv[4], "%zu", &events) != 1) {
    fprintf(stderr, "usage: compose MODEL SEED.mid OUT.mid EVENTS [MODEL2]\n");
    return 2;
  }
  if (skytnt_midi_api_version() != SKYTNT_MIDI_API_VERSION) {
    fprintf(stderr, "the library is of another version than its header\n");
    return 1;
  }
  file = fopen(argv[2], "rb");
  if (!file) {
    fprintf(stderr, "%s cannot be read\n", argv[2]);
    return 3;
  }
  length = fread(seed, 1, sizeof seed, file);
  fclose(file);

  Task first = {argv[1], argv[3], seed, length, events, 1};
  if (argc == 5) return compose(&first);

  snprintf(second_path, sizeof second_path, "%s.2", argv[3]);
  Task second = {argv[5], second_path, seed, length, events, 1};
  pthread_t thread;
  if (pthread_create(&thread, NULL, compose_thread, &second) != 0) return 1;
  compose_thread(&first);
  pthread_join(thread, NULL);
  return first.failed || second.failed;
}
