/* litert_bench: times one TFLite model on the LiteRT C library, one raw time per inference.
 *
 *     litert_bench --model PATH [--library PATH] [--runtime NAME] [--threads N] [--warmup N] [--runs N]
 *                  [--delegate cpu|gpu] [--cores HEX] [--profile]
 *
 * Prints one line of JSON (device_bench/json_runner.py describes it). Exit code 0: every inference was timed;
 * 1: the model or the runtime failed; 2: wrong usage; 3: the library, or a function in it, is missing. Any other
 * than 0 leaves the reason on the last line of standard error. The library is found beside this program or by the
 * loader. Its functions are looked up by name, since it comes without a header and they change between versions.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "litert_bench.h"

static noreturn void die(int code, const char *format, ...) {
  va_list words;
  va_start(words, format);
  fflush(stdout);
  fputs("litert_bench: ", stderr);
  vfprintf(stderr, format, words);
  fputc('\n', stderr);
  va_end(words);
  exit(code);
}

static const char *status_words(int status) {
  switch (status) {
    case 1: return "invalid argument";
    case 2: return "out of memory";
    case 3: return "runtime failure";
    case 4: return "missing input tensor";
    case 5: return "unsupported";
    case 6: return "not found";
    case 8: return "wrong version";
    case 500: return "the file cannot be read";
    case 501: return "not a TFLite model";
    case 502: return "dynamic loading failed";
    case 504: return "compilation failed";
    default: return "see LiteRtStatus";
  }
}

#define CALL(name, ...)                                                                            \
  do {                                                                                             \
    int status_ = api.name(__VA_ARGS__);                                                           \
    if (status_) die(1, "LiteRt%s failed with status %d (%s)", #name, status_, status_words(status_)); \
  } while (0)

static double now_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

/* A number of /proc/self/status, such as VmHWM in kB or Threads; -1 where the kernel does not tell. */
static long from_status(const char *key) {
  FILE *file = fopen("/proc/self/status", "re");
  char line[256];
  long value = -1;
  size_t length = strlen(key);
  while (file && fgets(line, sizeof line, file))
    if (!strncmp(line, key, length) && line[length] == ':') value = strtol(line + length + 1, NULL, 10);
  if (file) fclose(file);
  return value;
}

static long whole(const char *flag, const char *text, long least) {
  char *end;
  errno = 0;
  long value = strtol(text, &end, 10);
  if (errno || end == text || *end || value < least || value > 1000000)
    die(2, "%s %s: a whole number of at least %ld is needed", flag, text, least);
  return value;
}

static struct options parse(int count, char **words) {
  struct options o = {.runtime = "LiteRT", .threads = 1, .warmup = 8, .runs = 50, .delegate = "cpu"};
  for (int i = 1; i < count; i++) {
    const char *flag = words[i];
    if (!strcmp(flag, "--profile")) {
      o.profile = true;
      continue;
    }
    if (++i == count) die(2, "%s needs a value, or is unknown", flag);
    if (!strcmp(flag, "--model")) o.model = words[i];
    else if (!strcmp(flag, "--library")) o.library = words[i];
    else if (!strcmp(flag, "--runtime")) o.runtime = words[i];
    else if (!strcmp(flag, "--delegate")) o.delegate = words[i];
    else if (!strcmp(flag, "--cores")) o.cores = words[i];
    else if (!strcmp(flag, "--threads")) o.threads = whole(flag, words[i], 1);
    else if (!strcmp(flag, "--warmup")) o.warmup = whole(flag, words[i], 0);
    else if (!strcmp(flag, "--runs")) o.runs = whole(flag, words[i], 1);
    else die(2, "unknown flag %s", flag);
  }
  if (!o.model) die(2, "--model PATH is needed");
  if (strcmp(o.delegate, "cpu") && strcmp(o.delegate, "gpu")) die(2, "--delegate %s: cpu or gpu", o.delegate);
  return o;
}

/* Before the library is loaded: every thread it starts inherits the mask. */
static void pin(const char *mask) {
  cpu_set_t wanted, got;
  CPU_ZERO(&wanted);
  size_t digits = strlen(mask);
  if (!digits || strspn(mask, "0123456789abcdefABCDEF") != digits || digits > CPU_SETSIZE / 4)
    die(2, "--cores %s: a hexadecimal mask such as f0 is needed", mask);
  for (size_t i = 0; i < digits; i++) {
    int digit = strtol((char[]){mask[digits - 1 - i], 0}, NULL, 16);
    for (int bit = 0; bit < 4; bit++)
      if (digit >> bit & 1) CPU_SET(4 * i + bit, &wanted);
  }
  if (!CPU_COUNT(&wanted)) die(2, "--cores %s names no core", mask);
  if (sched_setaffinity(0, sizeof wanted, &wanted)) die(1, "cores %s cannot be used: %s", mask, strerror(errno));
  CPU_ZERO(&got);
  if (sched_getaffinity(0, sizeof got, &got) || !CPU_EQUAL(&wanted, &got))
    die(1, "only %d of the %d cores in mask %s can be used", CPU_COUNT(&got), CPU_COUNT(&wanted), mask);
}

static void load(const char *library) {
  char beside[4096] = "libLiteRt.so";
  if (!library) {
    ssize_t length = readlink("/proc/self/exe", beside, sizeof beside - 64);
    char *slash = length > 0 ? (beside[length] = 0, strrchr(beside, '/')) : NULL;
    strcpy(slash ? slash + 1 : beside, "libLiteRt.so");
    library = access(beside, R_OK) ? "libLiteRt.so" : beside;
  }
  void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (!handle) die(3, "the LiteRT library cannot be loaded: %s", dlerror());
  char missing[2048] = "";
  for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
    *symbols[i].place = dlsym(handle, symbols[i].name);
    if (!*symbols[i].place && strlen(missing) + strlen(symbols[i].name) + 2 < sizeof missing)
      strcat(strcat(missing, " "), symbols[i].name);
  }
  if (*missing) die(3, "%s is of a version this program does not know; it lacks:%s", library, missing);
}

static void no_release(void *payload) { (void)payload; }

static void add_option(handle options, const char *name, char *text) {
  handle opaque = NULL;
  CALL(CreateOpaqueOptions, name, text, no_release, &opaque);
  CALL(AddOpaqueOptions, options, opaque);
}

/* Random activations; integers that may be indices stay 0, which always is one. */
static void fill(handle buffer, int32_t element_type) {
  void *memory;
  size_t size;
  CALL(GetTensorBufferPackedSize, buffer, &size);
  CALL(LockTensorBuffer, buffer, &memory, LOCK_WRITE);
  memset(memory, 0, size);
  srand(0);
  if (element_type == FLOAT32)
    for (size_t i = 0; i < size / 4; i++) ((float *)memory)[i] = rand() / (RAND_MAX + 1.0f);
  if (element_type == INT8 || element_type == UINT8)
    for (size_t i = 0; i < size; i++) ((uint8_t *)memory)[i] = rand() >> 8;
  CALL(UnlockTensorBuffer, buffer);
}

static void make_buffers(struct session *s, handle signature, bool input) {
  struct buffers *side = input ? &s->inputs : &s->outputs;
  if (input) CALL(GetNumSignatureInputs, signature, &side->count);
  else CALL(GetNumSignatureOutputs, signature, &side->count);
  side->list = calloc(side->count + 1, sizeof *side->list);
  for (size_t i = 0; i < side->count; i++) {
    handle tensor, requirements;
    struct tensor_type type = {0};
    if (input) {
      CALL(GetSignatureInputTensorByIndex, signature, i, &tensor);
      CALL(GetCompiledModelInputBufferRequirements, s->compiled, 0, i, &requirements);
    } else {
      CALL(GetSignatureOutputTensorByIndex, signature, i, &tensor);
      CALL(GetCompiledModelOutputBufferRequirements, s->compiled, 0, i, &requirements);
    }
    CALL(GetRankedTensorType, tensor, &type);
    CALL(CreateManagedTensorBufferFromRequirements, s->environment, &type, requirements, &side->list[i]);
    if (input) fill(side->list[i], type.element_type);
  }
}

static void prepare(struct session *s, const struct options *o) {
  static char threads[64], profiling[] = "enable_profiling = true\n";
  handle model, options, signature, subgraph;
  bool gpu = !strcmp(o->delegate, "gpu");
  CALL(CreateEnvironment, 0, NULL, &s->environment);
  double begun_us = now_us();
  CALL(CreateModelFromFile, s->environment, o->model, &model);
  CALL(CreateOptions, &options);
  CALL(SetOptionsHardwareAccelerators, options, gpu ? ACCELERATOR_GPU : ACCELERATOR_CPU);
  snprintf(threads, sizeof threads, "num_threads = %ld\n", o->threads);
  add_option(options, "xnnpack", threads);
  if (o->profile) add_option(options, "runtime_options_string", profiling);
  long threads_before = from_status("Threads");
  int status = api.CreateCompiledModel(s->environment, model, options, &s->compiled);
  if (status && gpu)
    die(1, "the gpu cannot run this model here (%s); is its accelerator library beside libLiteRt.so?",
        status_words(status));
  if (status) die(1, "LiteRtCreateCompiledModel failed with status %d (%s)", status, status_words(status));
  CALL(GetModelSignature, model, 0, &signature);
  make_buffers(s, signature, true);
  make_buffers(s, signature, false);
  s->init_ms = (now_us() - begun_us) / 1e3;
  s->threads_made = from_status("Threads") - threads_before;
  CALL(GetSignatureSubgraph, signature, &subgraph);
  CALL(GetNumSubgraphOps, subgraph, &s->nodes);
  if (gpu) CALL(CompiledModelIsNonCpuFullyAccelerated, s->compiled, &s->delegated);
  else CALL(CompiledModelIsFullyAccelerated, s->compiled, &s->delegated);
  if (gpu && !s->delegated) die(1, "the gpu delegate did not take the whole model");
}

/* An accelerator may only have been handed the work when the call returns: what it makes is there once it is read. */
static void wait_for(struct buffers outputs) {
  for (size_t i = 0; i < outputs.count; i++) {
    void *memory = NULL;
    CALL(LockTensorBuffer, outputs.list[i], &memory, LOCK_READ);
    if (memory) (void)*(volatile char *)memory;
    CALL(UnlockTensorBuffer, outputs.list[i]);
  }
}

static void run(struct session *s) {
  CALL(RunCompiledModel, s->compiled, 0, s->inputs.count, s->inputs.list, s->outputs.count, s->outputs.list);
  wait_for(s->outputs);
}

static double *timed(struct session *s, long count) {
  double *times_us = malloc((count + 1) * sizeof *times_us);
  for (long i = 0; i < count; i++) {
    double begun_us = now_us();
    run(s);
    times_us[i] = now_us() - begun_us;
  }
  return times_us;
}

/* After the timed inferences, which it would slow down. The caller frees the text. */
static char *profiled(struct session *s) {
  handle profiler = NULL;
  char *summary = NULL;
  CALL(CompiledModelGetProfiler, s->compiled, &profiler);
  if (!profiler) die(1, "this LiteRT library gives no profiler");
  CALL(StartProfiler, profiler);
  for (int i = 0; i < PROFILED_RUNS; i++) run(s);
  CALL(StopProfiler, profiler);
  CALL(GetProfileSummary, profiler, s->compiled, &summary);
  if (!summary) die(1, "this LiteRT library gives no profile");
  return summary;
}

int main(int count, char **words) {
  struct options o = parse(count, words);
  struct session s = {0};
  if (o.cores) pin(o.cores);
  load(o.library);
  long before_kb = from_status("VmHWM");
  prepare(&s, &o);
  double *warmup_us = timed(&s, o.warmup), *samples_us = timed(&s, o.runs);
  long peak_kb = before_kb < 0 ? -1 : from_status("VmHWM") - before_kb;
  char *summary = o.profile ? profiled(&s) : NULL;
  if (o.threads > 1 && s.threads_made >= 0 && s.threads_made < o.threads - 1)
    die(1, "the runtime started %ld threads instead of %ld", s.threads_made + 1, o.threads);
  if (!print_session(&o, &s, warmup_us, samples_us, peak_kb, summary))
    die(1, "this LiteRT library prints its profile in a form this program does not know");
  if (fflush(stdout) || ferror(stdout)) die(1, "the result cannot be written: %s", strerror(errno));
  /* Not through the library's own ending, which has crashed after a good run. */
  _exit(0);
}
