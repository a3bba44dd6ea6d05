/* What litert_bench uses of the LiteRT C library, and how it prints a session. */
#ifndef LITERT_BENCH_H_
#define LITERT_BENCH_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>

#define PROFILED_RUNS 20
enum { FLOAT32 = 1, UINT8 = 3, INT8 = 9 };
enum { ACCELERATOR_CPU = 1, ACCELERATOR_GPU = 2 };
enum { LOCK_READ = 0, LOCK_WRITE = 1 };

typedef void *handle;

/* LiteRtRankedTensorType: an element type, then a layout that only the library reads; room for a longer one. */
struct tensor_type {
  int32_t element_type;
  int32_t layout[63];
};

#define FUNCTIONS(X)                                                            \
  X(CreateEnvironment, int, const void *, handle *)                             \
  X(CreateModelFromFile, handle, const char *, handle *)                        \
  X(CreateOptions, handle *)                                                    \
  X(SetOptionsHardwareAccelerators, handle, int)                                \
  X(CreateOpaqueOptions, const char *, void *, void (*)(void *), handle *)      \
  X(AddOpaqueOptions, handle, handle)                                           \
  X(CreateCompiledModel, handle, handle, handle, handle *)                      \
  X(CompiledModelIsFullyAccelerated, handle, bool *)                            \
  X(CompiledModelIsNonCpuFullyAccelerated, handle, bool *)                      \
  X(GetModelSignature, handle, size_t, handle *)                                \
  X(GetSignatureSubgraph, handle, handle *)                                     \
  X(GetNumSubgraphOps, handle, size_t *)                                        \
  X(GetNumSignatureInputs, handle, size_t *)                                    \
  X(GetNumSignatureOutputs, handle, size_t *)                                   \
  X(GetSignatureInputTensorByIndex, handle, size_t, handle *)                   \
  X(GetSignatureOutputTensorByIndex, handle, size_t, handle *)                  \
  X(GetCompiledModelInputBufferRequirements, handle, size_t, size_t, handle *)  \
  X(GetCompiledModelOutputBufferRequirements, handle, size_t, size_t, handle *) \
  X(GetRankedTensorType, handle, struct tensor_type *)                          \
  X(CreateManagedTensorBufferFromRequirements, handle, const struct tensor_type *, handle, handle *) \
  X(GetTensorBufferPackedSize, handle, size_t *)                                \
  X(LockTensorBuffer, handle, void **, int)                                     \
  X(UnlockTensorBuffer, handle)                                                 \
  X(RunCompiledModel, handle, size_t, size_t, handle *, size_t, handle *)       \
  X(CompiledModelGetProfiler, handle, handle *)                                 \
  X(StartProfiler, handle)                                                      \
  X(StopProfiler, handle)                                                       \
  X(GetProfileSummary, handle, handle, char **)

#define DECLARE(name, ...) int (*name)(__VA_ARGS__);
static struct {
  FUNCTIONS(DECLARE)
} api;

#define LOOK_UP(name, ...) {"LiteRt" #name, (void **)&api.name},
static const struct {
  const char *name;
  void **place;
} symbols[] = {FUNCTIONS(LOOK_UP)};

struct options {
  const char *model, *library, *runtime, *delegate, *cores;
  long threads, warmup, runs;
  bool profile;
};

struct buffers {
  size_t count;
  handle *list;
};

struct session {
  handle environment, compiled;
  struct buffers inputs, outputs;
  double init_ms;
  long threads_made;
  size_t nodes;
  bool delegated;
};

static void print_text(const char *text, size_t length) {
  putchar('"');
  for (size_t i = 0; i < length; i++) {
    unsigned char one = text[i];
    if (one == '"' || one == '\\') printf("\\%c", one);
    else if (one < 0x20 || one > 0x7e) printf("\\u%04x", one);
    else putchar(one);
  }
  putchar('"');
}

static void print_times(const char *name, const double *times_us, long count) {
  printf(", \"%s\": [", name);
  for (long i = 0; i < count; i++) printf("%s%.3f", i ? ", " : "", times_us[i]);
  printf("]");
}

/* The columns between the two texts of a table of operators; versions differ in which numbers there are. */
struct columns {
  int count, mean, called;
};

static struct columns read_header(const char *line) {
  struct columns found = {0, -1, -1};
  const char *end = line + strcspn(line, "\n"), *one = strstr(line, "[node type]");
  while (one && (one = strchr(one + 1, '[')) && one < end && strncmp(one, "[Name]", 6)) {
    if (!strncmp(one, "[avg ms]", 8)) found.mean = found.count;
    if (!strncmp(one, "[times called]", 14)) found.called = found.count;
    found.count++;
  }
  if (!one || one >= end) found.count = 0;
  return found;
}

/* Reads `count` numbers at `text`; gives what follows them, or NULL when it is no name in brackets. */
static const char *read_numbers(const char *text, int count, double *numbers) {
  for (int i = 0; i < count; i++) {
    char *end;
    numbers[i] = strtod(text, &end);
    if (end == text) return NULL;
    text = end + (*end == '%');
    if (*text != ' ' && *text != '\t') return NULL;
  }
  text += strspn(text, " \t");
  return *text == '[' ? text : NULL;
}

static bool print_operator(const char *line, struct columns columns, bool first) {
  double numbers[16];
  line += strspn(line, " \t");
  for (const char *at = line; *at && *at != '\n'; at++) {
    const char *name = *at == ' ' || *at == '\t' ? read_numbers(at, columns.count, numbers) : NULL;
    if (!name) continue;
    printf("%s{\"name\": ", first ? "" : ", ");
    print_text(name, strcspn(name, "\n"));
    printf(", \"kind\": ");
    print_text(line, at - line);
    long calls = (long)numbers[columns.called] / PROFILED_RUNS;
    printf(", \"mean_us\": %.3f, \"calls\": %ld}", numbers[columns.mean] * 1e3, calls ? calls : 1);
    return true;
  }
  return false;
}

/* The rows of the profile's table in the order of execution; false when it is not a table we know. */
static bool print_operators(const char *summary) {
  const char *line = strstr(summary, " Run Order ");
  if (!line || !(line = strchr(line, '\n'))) return false;
  struct columns columns = read_header(line + 1);
  if (columns.count < 2 || columns.count > 16 || columns.mean < 0 || columns.called < 0) return false;
  line = strchr(line + 1, '\n');
  for (bool first = true; line && *++line && *line != '\n'; line = strchr(line, '\n'), first = false)
    if (!print_operator(line, columns, first)) return false;
  return true;
}

/* False when the profile is in a form that is not known. */
static bool print_session(const struct options *o, const struct session *s, const double *warmup_us,
                          const double *samples_us, long peak_kb, const char *summary) {
  printf("{\"format\": 1, \"runtime\": ");
  print_text(o->runtime, strlen(o->runtime));
  printf(", \"threads\": %ld, \"delegate\": \"%s\", \"cores\": ", o->threads, o->delegate);
  if (o->cores) print_text(o->cores, strlen(o->cores));
  else printf("null");
  print_times("warmup_us", warmup_us, o->warmup);
  print_times("samples_us", samples_us, o->runs);
  double sum_us = 0;
  for (long i = 0; i < o->runs; i++) sum_us += samples_us[i];
  printf(", \"sum_us\": %.3f", sum_us);
  printf(", \"init_ms\": %.3f, \"nodes\": %zu", s->init_ms, s->nodes);
  /* The profiler's own memory is no part of the model's. */
  if (!o->profile && peak_kb >= 0) printf(", \"peak_mb\": %.3f", peak_kb / 1024.0);
  if (s->delegated) printf(", \"delegated\": %zu", s->nodes);
  printf(", \"operators\": [");
  bool understood = !summary || print_operators(summary);
  printf("]}\n");
  return understood;
}

#endif  /* LITERT_BENCH_H_ */
