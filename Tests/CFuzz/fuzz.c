/* Calls every function of foci.h with random arguments, good and bad, and checks how each call ends.
 *
 *     fuzz CALLS [SEED [SLOWNESS]]
 *
 * - What is right returns FOCI_OK and a handle; what is wrong in one way FOCI_INVALID; other mixtures any status. What
 *   does not return FOCI_OK leaves one line of UTF-8 and no handle.
 * - Arrays have random types, orders, gaps and directions, in memory of exactly their size. Those that are not lent are
 *   overwritten and freed at once. Objectives are computed again from what they held.
 * - Threads solve one problem and localize with one forward at once, and get the same bits; some are cancelled.
 *
 * Only sizes that memory has are claimed, or sizes without memory: no library can see through another lie.
 * SLOWNESS multiplies the seconds that calls may take, for tools that slow them down.
 */
#define _POSIX_C_SOURCE 200809L
#include <foci.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- Random numbers ---------------------------------------------------------------------------------------------- */

/* splitmix64 (Steele, Lea and Flood 2014). */
static uint64_t bits(uint64_t *state) {
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static uint64_t state, first_seed;
static int below(int count) { return (int)(bits(&state) % (uint64_t)count); }
static int between(int first, int last) { return first + below(last - first + 1); }
static int chance(int percent) { return below(100) < percent; }
static double uniform(void) { return (double)(bits(&state) >> 11) * 0x1p-53; }
static double normal(void) { return sqrt(-2 * log(1 - uniform())) * cos(6.283185307179586 * uniform()); }
#define COUNT(list) ((int)(sizeof(list) / sizeof *(list)))
#define ONE_OF(list) ((list)[below(COUNT(list))])

/* ---- Calls and how they end -------------------------------------------------------------------------------------- */

enum { OK = 1, INVALID = 2, CANCELLED = 4, MISSING = 8, FAILED = 16, ANY = 31 };

static struct {
    const char *name;
    int is_status;
    long ends[5];
} functions[] = {{"foci_version", 0, {0}}, {"foci_error", 0, {0}}, {"foci_names", 0, {0}},
    {"foci_values_create", 1, {0}}, {"foci_values_set_text", 1, {0}}, {"foci_values_set_number", 1, {0}},
    {"foci_values_set_texts", 1, {0}}, {"foci_values_set_array", 1, {0}}, {"foci_values_free", 0, {0}},
    {"foci_problem_create", 1, {0}}, {"foci_problem_free", 0, {0}}, {"foci_solve", 1, {0}}, {"foci_path", 1, {0}},
    {"foci_select", 1, {0}}, {"foci_refine", 1, {0}}, {"foci_forward_create", 1, {0}}, {"foci_forward_free", 0, {0}},
    {"foci_recording_create", 1, {0}}, {"foci_recording_free", 0, {0}}, {"foci_covariance_create", 1, {0}},
    {"foci_covariance_free", 0, {0}}, {"foci_localize", 1, {0}}, {"foci_page", 1, {0}}, {"foci_dynamics", 1, {0}},
    {"foci_dynamics_table", 1, {0}}, {"foci_dynamics_sources", 1, {0}}, {"foci_result_text", 1, {0}},
    {"foci_result_number", 1, {0}}, {"foci_result_array", 1, {0}}, {"foci_result_free", 0, {0}}};
static long calls;

/* What led to the call that runs, for who has to find out why it failed. */
static char story[1 << 20];
static void tell(const char *format, ...) {
    size_t used = strlen(story);
    va_list arguments;
    va_start(arguments, format);
    if (used + 200 < sizeof story) vsnprintf(story + used, sizeof story - used, format, arguments);
    va_end(arguments);
}

static void show_story(void) {
    char head[100];
    size_t told = strlen(story), shown = told < 2500 ? told : 2500;
    int length = snprintf(head, sizeof head, "\nseed %llu, call %ld: ", (unsigned long long)first_seed, calls);
    ssize_t ignored = write(2, head, (size_t)length) + write(2, story + told - shown, shown) + write(2, "\n", 1);
    (void)ignored;
}

static void on_signal(int number) {
    show_story();
    signal(number, SIG_DFL);
    raise(number);
}

static void require(int condition, const char *format, ...) {
    va_list arguments;
    if (condition) return;
    fprintf(stderr, "fuzz: ");
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    show_story();
    signal(SIGABRT, SIG_DFL);
    abort();
}

/* One line of UTF-8 that says something. */
static void require_line(const char *text) {
    const unsigned char *c = (const unsigned char *)text;
    require(c && *c, "a failure left no text");
    for (; *c; c++) {
        int more = *c < 0x80                 ? 0
                   : *c >= 0xC2 && *c < 0xE0 ? 1
                   : *c >= 0xE0 && *c < 0xF0 ? 2
                   : *c >= 0xF0 && *c < 0xF5 ? 3
                                             : -1;
        require(more >= 0 && *c >= ' ' && *c != 0x7F, "a text that is no line of UTF-8: '%s'", text);
        for (; more > 0; more--) require((*++c & 0xC0) == 0x80, "a text that ends within a character: '%s'", text);
    }
}

/* A call that takes longer than a second is cancelled, and must return then. */
static int32_t cancel;
static double began, slowness = 1;
static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void *watch(void *unused) {
    const struct timespec pause = {0, 20000000};
    for (;; nanosleep(&pause, NULL)) {
        double start;
        __atomic_load(&began, &start, __ATOMIC_RELAXED);
        if (start > 0 && now() - start > 1 * slowness) __atomic_store_n(&cancel, 1, __ATOMIC_RELAXED);
        require(start <= 0 || now() - start < 15 * slowness, "a call does not return, though it was cancelled");
    }
    return unused;
}

static void enter(const char *function) {
    double start = now();
    calls++;
    tell("%s", function);
    __atomic_store_n(&cancel, 0, __ATOMIC_RELAXED);
    __atomic_store(&began, &start, __ATOMIC_RELAXED);
}

/* Checks how a call ended; returns whether well. */
static int ended(const char *function, foci_status status, int expected) {
    static const char *names[] = {"FOCI_OK", "FOCI_INVALID", "FOCI_CANCELLED", "FOCI_MISSING", "FOCI_FAILED"};
    double stop = 0;
    int i = 0;
    __atomic_store(&began, &stop, __ATOMIC_RELAXED);
    if (__atomic_load_n(&cancel, __ATOMIC_RELAXED)) expected |= CANCELLED;
    require(status >= 0 && status <= 4, "%s returned %d", function, (int)status);
    require(expected >> status & 1, "%s returned %s: %s", function, names[status], foci_error());
    if (status != FOCI_OK) require_line(foci_error());
    while (strcmp(functions[i].name, function) != 0) i++;
    functions[i].ends[status]++;
    tell(" → %s; ", status == FOCI_OK ? "ok" : foci_error());
    return status == FOCI_OK;
}

#define CALL(expected, function, ...) (enter(#function), ended(#function, function(__VA_ARGS__), expected))
#define CALL_VOID(function, ...) (enter(#function), function(__VA_ARGS__), (void)ended(#function, FOCI_OK, OK))

/* ---- Memory and arrays ------------------------------------------------------------------------------------------- */

/* What was lent lives until all handles are freed. */
static void *lent[4096];
static int lent_count;
static void keep(void *memory) {
    require(lent_count < COUNT(lent), "too much is lent");
    lent[lent_count++] = memory;
}

static void *allocate(size_t size) {
    void *memory = malloc(size > 0 ? size : 1);
    require(memory != NULL, "no memory");
    return memory;
}

typedef struct {
    foci_array array;
    char *memory;
    size_t size;
    int64_t count;
} given;

/* Numbers in a random layout; `values` has them with the first index fastest. */
static given lay_out(const double *values, int dimensions, const int64_t shape[3], int type) {
    static const size_t widths[] = {sizeof(double), sizeof(float), sizeof(int64_t)};
    int order[3] = {0, 1, 2}, k;
    int64_t span = 1, start = 0, i[3];
    given given;
    foci_array *array = &given.array;
    memset(&given, 0, sizeof given);
    array->type = type;
    array->dimensions = dimensions;
    for (k = 2; k > 0; k--) {
        int other = chance(50) ? below(k + 1) : k, swap = order[k];
        order[k] = order[other];
        order[other] = swap;
    }
    for (k = 0; k < 3; k++) {
        int axis = order[k];
        int64_t side = array->shape[axis] = axis < dimensions ? shape[axis] : 1;
        int64_t stride = span * (chance(15) ? 2 : 1);
        span = stride * (side > 0 ? side - 1 : 0) + span;
        if (chance(15)) {
            start += stride * (side > 0 ? side - 1 : 0);
            stride = -stride;
        }
        array->strides[axis] = axis >= dimensions ? 0 : side == 1 && chance(30) ? 0 : stride;
    }
    given.count = array->shape[0] * array->shape[1] * array->shape[2];
    given.size = widths[type] * (size_t)(given.count > 0 ? span : 0);
    given.memory = allocate(given.size);
    array->data = given.memory + (given.count > 0 ? start : 0) * (int64_t)widths[type];
    array->is_lent = chance(30);
    for (i[2] = 0; i[2] < array->shape[2]; i[2]++)
        for (i[1] = 0; i[1] < array->shape[1]; i[1]++)
            for (i[0] = 0; i[0] < array->shape[0]; i[0]++, values++) {
                int64_t offset = start;
                for (k = 0; k < 3; k++) offset += i[k] * (k < dimensions ? array->strides[k] : 0);
                /* Where a stride is 0 the side is 1. */
                if (type == FOCI_DOUBLE) ((double *)given.memory)[offset] = *values;
                if (type == FOCI_FLOAT) ((float *)given.memory)[offset] = (float)*values;
                if (type == FOCI_INT64) ((int64_t *)given.memory)[offset] = (int64_t)*values;
            }
    return given;
}

/* After a call that took it: lent memory stays, other memory must not be read any more. */
static void give_up(given *given) {
    if (given->array.is_lent) {
        keep(given->memory);
        return;
    }
    memset(given->memory, 0xFF, given->size);
    free(given->memory);
}

/* Makes an array wrong in one way. */
static void spoil(given *given) {
    static const int64_t huge[] = {-1, INT64_MIN, INT64_MAX, INT64_C(1) << 31, INT64_C(1) << 40, INT64_C(1) << 62};
    static const int32_t dimensions[] = {0, 4, -1, INT32_MAX, INT32_MIN}, types[] = {3, -1, 99, INT32_MIN};
    foci_array *array = &given->array;
    int axis = below(array->dimensions);
    switch (below(7)) {
    case 0: array->dimensions = ONE_OF(dimensions); break;
    case 1: array->type = ONE_OF(types); break;
    case 2: array->shape[axis] = ONE_OF(huge); break; /* refused before anything is read */
    case 3: array->data = NULL; break;
    case 4: /* more than memory can hold, without memory */
        for (axis = 0; axis < 3; axis++) array->shape[axis] = INT32_MAX;
        array->dimensions = between(2, 3);
        array->data = NULL;
        break;
    case 5: /* the same, of one number that stands everywhere */
        array->dimensions = 2;
        array->shape[0] = 1 << 23;
        array->shape[1] = 1 << 24;
        array->strides[0] = array->strides[1] = 0;
        array->data = given->memory;
        break;
    default: /* more than can be counted */
        for (axis = 0; axis < 3; axis++) {
            array->shape[axis] = array->dimensions == 1 ? INT32_MAX : 1 << 24;
            array->strides[axis] = 0;
        }
        array->dimensions = 3;
        array->data = given->memory;
    }
    tell("(wrong array: %d dimensions of type %d, %lld × %lld × %lld%s) ", (int)array->dimensions, (int)array->type,
        (long long)array->shape[0], (long long)array->shape[1], (long long)array->shape[2],
        array->data ? "" : ", no data");
}

static const double odd_numbers[] = {0, -0.0, 1, -1, 2, 3, 7, 0.5, 1e-6, 1e-300, 5e-324, 1e6, 2147483648.0, 9.3e18,
    1e300, -1e300, INFINITY, -INFINITY, NAN};

/* ---- Bags of values ---------------------------------------------------------------------------------------------- */

static const char *odd_texts[] = {"", " ", "true", "false", "auto", "none", "l21", "l1", "elastic-net", "mcp", "scad",
    "sure", "kfold", "gcv", "evidence", "path", "brent", "grid", "bayesian", "gradient", "implicit", "backward",
    "shared", "learned", "refined", "reweighted", "descent", "dual", "strongest", "median", "fixed", "free",
    "loose:0.2", "loose:nan", "0.05 0.1", "0.1", "-1", "1e400", "nan", "inf", "meg:70,eeg:5", "eeg:2", "epochs",
    "sensors", "noise", "head", "mri", "lambda=a,gap=b", "lambda=", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\xA7\xA0", "a\nb",
    "a\x01\x7F", "%s%n%d", "\xFF\xFE", "\xE2\x82"};
static int is_utf8(const char *text) { return strchr(text, '\xFF') == NULL && strcmp(text, "\xE2\x82") != 0; }

static void set_number(foci_values *values, const char *name, double number) {
    tell("(%s=%g) ", name, number);
    CALL(OK, foci_values_set_number, values, name, number);
}

static void set_text(foci_values *values, const char *name, const char *text) {
    tell("(%s='%s') ", name, text);
    CALL(OK, foci_values_set_text, values, name, text);
}

static void set_array(foci_values *values, const char *name, given given) {
    CALL(OK, foci_values_set_array, values, name, &given.array);
    give_up(&given);
}

static void set_matrix(foci_values *values, const char *name, const double *numbers, int64_t rows, int64_t columns) {
    int64_t shape[3] = {rows, columns, 1};
    set_array(values, name, lay_out(numbers, columns < 0 ? 1 : 2, shape, FOCI_DOUBLE));
}

/* The i-th name that foci_names tells of a function; NULL beyond. Lives until the next call. */
static const char *known_name(const char *function, int i) {
    static char name[100];
    const char *text = foci_names(function);
    require(text != NULL, "no names of %s", function);
    for (; (text = strstr(text, "\"name\":")) != NULL; i--) {
        size_t length;
        text = strchr(text + 7, '"') + 1;
        length = strcspn(text, "\"");
        if (i > 0) continue;
        require(length < sizeof name, "a long name of %s", function);
        memcpy(name, text, length);
        name[length] = 0;
        return name;
    }
    return NULL;
}

static const char *any_name(const char *function) {
    int count = 0;
    while (known_name(function, count)) count++;
    require(count > 1, "%s has %d names", function, count);
    return known_name(function, below(count));
}

/* Sets a value of a random name to something random. */
static void set_anything(foci_values *values, const char *function) {
    const char *name = any_name(function), *text = ONE_OF(odd_texts), *texts[5];
    double numbers[12];
    int64_t shape[3];
    int i, valid = 1;
    given given;
    switch (below(4)) {
    case 0: set_number(values, name, ONE_OF(odd_numbers)); break;
    case 1:
        tell("(%s='%s') ", name, text);
        CALL(is_utf8(text) ? OK : INVALID, foci_values_set_text, values, name, text);
        break;
    case 2:
        for (i = 0; i < 5; i++) valid = is_utf8(texts[i] = ONE_OF(odd_texts)) && valid;
        CALL(valid ? OK : INVALID, foci_values_set_texts, values, name, texts, 5);
        CALL(OK, foci_values_set_texts, values, name, chance(50) ? NULL : texts, 0);
        break;
    default:
        for (i = 0; i < 3; i++) shape[i] = below(3);
        for (i = 0; i < 12; i++) numbers[i] = chance(50) ? ONE_OF(odd_numbers) : normal();
        tell("(%s=array) ", name);
        given = lay_out(numbers, between(1, 3), shape, chance(50) ? FOCI_DOUBLE : FOCI_FLOAT);
        set_array(values, name, given);
    }
}

/* Wrong calls of the functions that set values; the bag stays as it was. */
static void misuse_values(foci_values *values) {
    const char *texts[] = {"a", NULL, "\xFF"};
    double number = 1;
    foci_array array = foci_matrix(&number, 1, 1);
    int64_t shape[3] = {1, 1, 1};
    given wrong = lay_out(&number, between(1, 3), shape, FOCI_DOUBLE);
    spoil(&wrong);
    switch (below(12)) {
    case 0: CALL(INVALID, foci_values_create, NULL); break;
    case 1: CALL(INVALID, foci_values_set_text, NULL, "name", "text"); break;
    case 2: CALL(INVALID, foci_values_set_text, values, NULL, "text"); break;
    case 3: CALL(INVALID, foci_values_set_text, values, "name", NULL); break;
    case 4: CALL(INVALID, foci_values_set_number, NULL, "name", 1); break;
    case 5: CALL(INVALID, foci_values_set_number, values, "\xFF", 1); break;
    case 6: CALL(INVALID, foci_values_set_texts, values, "name", texts, 2); break;
    case 7:
        CALL(INVALID, foci_values_set_texts, values, "name", chance(50) ? NULL : texts, chance(50) ? -1 : INT64_MAX);
        break;
    case 8: CALL(INVALID, foci_values_set_texts, values, "name", NULL, 2); break;
    case 9: CALL(INVALID, foci_values_set_array, values, NULL, &array); break;
    case 10: CALL(INVALID, foci_values_set_array, values, "name", NULL); break;
    /* A lent one is not looked at before it is used, beyond whether it can be one. */
    default:
        CALL(wrong.array.is_lent ? OK | INVALID : INVALID, foci_values_set_array, chance(20) ? NULL : values, "name",
            &wrong.array);
    }
    free(wrong.memory);
}

static foci_values *new_values(void) {
    foci_values *values = NULL;
    require(CALL(OK, foci_values_create, &values) && values, "no bag of values");
    return values;
}

/* ---- What a call is watched with --------------------------------------------------------------------------------- */

static long told;
static void on_progress(void *context, const char *stage, const char *detail) {
    require(context == &told && stage && detail, "a callback without its context or its texts");
    if (*stage) require_line(stage);
    if (*detail) require_line(detail);
    told++;
}

static void on_warning(void *context, const char *text) {
    require(context == &told, "a callback without its context");
    require_line(text);
    told++;
}

static const foci_monitor *watching(void) {
    static foci_monitor monitor;
    foci_monitor all = {&cancel, chance(70) ? on_progress : NULL, chance(70) ? on_warning : NULL, &told};
    monitor = all;
    return &monitor;
}

/* ---- Results ----------------------------------------------------------------------------------------------------- */

static foci_result *results[32]; /* of foci_localize, for pages */
static int result_count;

/* Reads all that a result has of some names, good and bad. */
static void read_result(const foci_result *result, const char *const *texts, const char *const *arrays) {
    const char *text = NULL;
    double number = 0, sum = 0;
    foci_array array;
    int64_t i, count;
    for (; *texts; texts++) {
        int is_json = strcmp(*texts, "json") == 0;
        if (!CALL(is_json ? OK : OK | MISSING, foci_result_text, result, *texts, &text)) continue;
        require(text && *text, "no text of '%s'", *texts);
        require(!is_json || (text[0] == '{' && text[strlen(text) - 1] == '}'), "JSON that is no object: %s", text);
    }
    for (; *arrays; arrays++) {
        if (!CALL(OK | MISSING, foci_result_array, result, *arrays, &array)) continue;
        count = array.shape[0] * array.shape[1] * array.shape[2];
        require(array.dimensions >= 1 && array.dimensions <= 3 && count >= 0, "the shape of '%s'", *arrays);
        require(array.strides[0] == 1 && (array.dimensions < 2 || array.strides[1] == array.shape[0]), "gaps in '%s'",
            *arrays);
        for (i = 0; i < count; i++)
            sum +=
                array.type == FOCI_INT64 ? (double)((const int64_t *)array.data)[i] : ((const double *)array.data)[i];
    }
    told += sum > 0; /* that it is read */
    switch (below(7)) {
    case 0: CALL(MISSING, foci_result_text, result, "nonsense", &text); break;
    case 1: CALL(MISSING, foci_result_array, result, "json", &array); break;
    case 2: CALL(MISSING, foci_result_number, result, "", &number); break;
    case 3: CALL(INVALID, foci_result_text, chance(50) ? NULL : result, NULL, &text); break;
    case 4: CALL(INVALID, foci_result_array, NULL, "columns", &array); break;
    case 5: CALL(INVALID, foci_result_text, result, "json", NULL); break;
    default: CALL(INVALID | MISSING, foci_result_number, result, "\xFF", &number);
    }
}

/* ---- Regression -------------------------------------------------------------------------------------------------- */

/* A problem, with what it was made of. */
typedef struct {
    foci_problem *handle;
    int samples, columns, times, blocks, is_single;
    int block_of[24];
    double x[24 * 24], y[24 * 4];
} problem;

static void make_problem(problem *p) {
    double sizes[24];
    int64_t shape[3] = {0, 0, 1};
    int i, wrong = below(20), is_double = chance(60);
    given design, response, blocks;
    p->handle = NULL;
    p->samples = between(2, 24);
    p->columns = between(1, 24);
    p->times = between(1, 4);
    p->is_single = !is_double;
    for (i = 0; i < p->samples * p->columns; i++) p->x[i] = is_double ? normal() : (float)normal();
    for (i = 0; i < p->samples * p->times; i++) p->y[i] = normal();
    for (p->blocks = 0, i = 0; i < p->columns; p->blocks++) {
        int size = between(1, p->columns - i < 3 ? p->columns - i : 3);
        for (sizes[p->blocks] = size; size > 0; size--) p->block_of[i++] = p->blocks;
    }
    if (wrong == 0) p->x[below(p->samples * p->columns)] = chance(50) ? NAN : INFINITY;
    if (wrong == 1) p->y[below(p->samples * p->times)] = chance(50) ? NAN : -INFINITY;
    if (wrong == 2) sizes[below(p->blocks)] += chance(50) ? 1 : -5;
    shape[0] = p->samples;
    shape[1] = p->columns;
    design = lay_out(p->x, 2, shape, is_double ? FOCI_DOUBLE : FOCI_FLOAT);
    shape[1] = p->times;
    /* Fewer samples than there are numbers for. */
    if (wrong == 3) shape[0]--;
    response = lay_out(p->y, p->times == 1 && chance(50) ? 1 : 2, shape, FOCI_DOUBLE);
    shape[0] = p->blocks;
    blocks = lay_out(sizes, 1, shape, chance(60) ? FOCI_INT64 : FOCI_DOUBLE);
    if (wrong >= 4 && wrong <= 6) spoil(wrong == 4 ? &design : wrong == 5 ? &response : &blocks);
    tell("(%d × %d × %d, wrong %d) ", p->samples, p->columns, p->times, wrong);
    CALL(wrong <= 6 ? INVALID : OK, foci_problem_create, &design.array, &response.array, &blocks.array, &p->handle);
    require((p->handle != NULL) == (wrong > 6), "a handle of a call that failed, or none of one that did not");
    if (wrong == 7) switch (below(3)) {
        case 0: CALL(INVALID, foci_problem_create, NULL, &response.array, NULL, &p->handle); break;
        case 1: CALL(INVALID, foci_problem_create, &design.array, NULL, NULL, &p->handle); break;
        default: CALL(INVALID, foci_problem_create, &design.array, &response.array, NULL, NULL);
        }
    give_up(&design);
    give_up(&response);
    give_up(&blocks);
}

/* ½‖Y − XB‖² + λ Σ w_j ‖B_j‖ of a result, from what the problem was made of. */
static void check_objective(const problem *p, const foci_result *result, const double *weights) {
    foci_array columns, coefficients;
    const int64_t *active;
    const double *b;
    double objective, lambda, value = 0, norms[24] = {0}, residual;
    int i, j, t;
    CALL(OK, foci_result_array, result, "columns", &columns);
    CALL(OK, foci_result_array, result, "coefficients", &coefficients);
    CALL(OK, foci_result_number, result, "objective", &objective);
    CALL(OK, foci_result_number, result, "lambda", &lambda);
    active = columns.data;
    b = coefficients.data;
    require(coefficients.shape[0] == p->times && coefficients.shape[1] == columns.shape[0],
        "the shape of the coefficients");
    for (j = 0; j < columns.shape[0]; j++) {
        require(
            active[j] >= 0 && active[j] < p->columns && (j == 0 || active[j] > active[j - 1]), "the active columns");
        for (t = 0; t < p->times; t++) norms[p->block_of[active[j]]] += b[t + j * p->times] * b[t + j * p->times];
    }
    for (t = 0; t < p->times; t++)
        for (i = 0; i < p->samples; i++) {
            residual = p->y[i + t * p->samples];
            for (j = 0; j < columns.shape[0]; j++) residual -= p->x[i + active[j] * p->samples] * b[t + j * p->times];
            value += 0.5 * residual * residual;
        }
    for (j = 0; j < p->blocks; j++)
        if (norms[j] > 0) value += lambda * (weights ? weights[j] : 1) * sqrt(norms[j]);
    require(fabs(value - objective) <= (p->is_single ? 1e-4 : 1e-9) * (1e-9 + fabs(value)),
        "objective: told %.17g, found %.17g", objective, value);
}

/* An option that is wrong for a function, beside others that are right. */
static void set_wrong(foci_values *values, const char *function) {
    static const char *positive[] = {"gap"}, *counts[] = {"threads"};
    static const double not_positive[] = {-1, 0, NAN, -INFINITY}, not_counts[] = {-1, 1.5, NAN, INFINITY, 1e300};
    double three[3] = {1, -1, NAN};
    switch (below(6)) {
    case 0: set_number(values, "nonsense", 1); break;
    case 1: set_text(values, "\xC3\xA9 %s", "1"); break;
    case 2: set_number(values, ONE_OF(positive), ONE_OF(not_positive)); break;
    case 3: set_number(values, ONE_OF(counts), ONE_OF(not_counts)); break;
    case 4:
        set_text(values, strcmp(function, "refine") == 0 ? "charge" : "penalty", chance(50) ? "nonsense" : "");
        break;
    default: set_matrix(values, strcmp(function, "refine") == 0 ? "sigma" : "gap", three, 3, -1);
    }
    if (strcmp(function, "refine") == 0) set_text(values, "gap", "1e-6"); /* foci_refine has no such option */
}

typedef foci_status regression(const foci_problem *, const foci_values *, const foci_monitor *, foci_result **);

static void run_regression(problem *p) {
    static const struct {
        const char *name, *call;
        regression *function;
    } all[] = {{"solve", "foci_solve", foci_solve}, {"path", "foci_path", foci_path},
        {"select", "foci_select", foci_select}, {"refine", "foci_refine", foci_refine}};
    static const char *const texts[] = {"json", NULL}, *const arrays[] = {"blocks", "columns", "coefficients",
                                                           "lambdas", "offsets", "block-offsets", "weights", "scores",
                                                           NULL};
    static const char *penalties[] = {"l21", "l1", "elastic-net", "mcp", "scad"};
    int which = chance(40) ? 0 : below(4), kind = below(4), expected = kind == 0 ? INVALID : kind == 1 ? ANY : OK, i;
    int is_plain = 1;
    double weights[24];
    foci_values *values = new_values();
    foci_result *result = NULL;
    foci_status status;
    const char *name = all[which].name;
    if (which == 0 && chance(50))
        set_number(values, "lambda", 0.01 + uniform());
    else if (which < 2)
        set_number(values, "lambda-ratio", 0.02 + 0.98 * uniform());
    if (which == 1) set_number(values, "count", between(2, 20));
    if (which == 2) set_number(values, "evaluations", between(2, 12));
    if (which == 2 && chance(50)) set_number(values, "sigma", 0.1 + uniform());
    if (which == 3 && chance(50)) set_number(values, "maximum-count", between(1, 10));
    if (chance(30)) set_number(values, "threads", between(1, 3));
    if (which < 2 && kind > 1) {
        is_plain = chance(70);
        if (!is_plain) {
            const char *penalty = ONE_OF(penalties);
            set_text(values, "penalty", penalty);
            if (strcmp(penalty, "elastic-net") == 0) set_number(values, "ridge", 0.1 + uniform());
            if (chance(50) && strcmp(penalty, "mcp") == 0) set_number(values, "gamma", 1.5 + uniform());
            if (chance(50) && strcmp(penalty, "scad") == 0) set_number(values, "gamma", 2.5 + uniform());
        }
        if (which == 0 && is_plain && chance(20)) {
            set_text(values, "debias", "true");
            is_plain = 0;
        }
    }
    for (i = 0; i < p->blocks; i++) weights[i] = i > 0 && chance(10) ? INFINITY : 0.1 + uniform();
    if (which == 0 && is_plain && chance(40))
        set_matrix(values, "weights", weights, p->blocks, -1);
    else
        weights[0] = NAN;
    if (kind == 0) set_wrong(values, name);
    if (kind == 1)
        for (i = between(1, 3); i > 0; i--) set_anything(values, name);
    if (chance(4)) {
        int what = below(3);
        expected = INVALID;
        enter(all[which].call);
        status = all[which].function(what == 0 ? NULL : p->handle, what == 1 && which == 0 ? NULL : values, watching(),
            what == 0 || (what == 1 && which == 0) ? &result : NULL);
    } else {
        enter(all[which].call);
        status = all[which].function(p->handle, values, chance(90) || expected != OK ? watching() : NULL, &result);
    }
    if (ended(all[which].call, status, expected)) {
        require(result != NULL, "no result");
        read_result(result, texts, arrays);
        if (which == 0 && kind > 1 && is_plain) check_objective(p, result, isnan(weights[0]) ? NULL : weights);
    } else
        require(result == NULL, "a result of a call that failed");
    CALL_VOID(foci_values_free, values);
    CALL_VOID(foci_result_free, result);
}

/* ---- Localization ------------------------------------------------------------------------------------------------ */

enum { CHANNELS = 12, SOURCES = 20, SAMPLES = 40 };

typedef struct {
    foci_forward *forward;
    foci_recording *recording;
    foci_covariance *covariance;
    /* Not finite, or no variances: taken, but not worked with. */
    int is_data_wrong, is_noise_wrong;
} scene;

/* Sets what describes the channels; wrong in one way, or not at all (0). */
static void set_channels(foci_values *values, int wrong) {
    static const char *names[] = {"EEG 001", "EEG 002", "EEG 003", "EEG 004", "EEG 005", "EEG 006", "EEG 007",
        "EEG 008", "EEG 009", "EEG 010", "EEG 011", "EEG 012"};
    const char *own[CHANNELS], *kinds[CHANNELS];
    double bad[CHANNELS] = {0};
    int i;
    for (i = 0; i < CHANNELS; i++) {
        own[i] = names[i];
        kinds[i] = "eeg";
    }
    bad[3] = 1;
    if (wrong == 1) kinds[below(CHANNELS)] = chance(50) ? "" : "EEG?";
    if (wrong == 2) own[5] = own[4];
    if (wrong == 3)
        set_number(values, "kinds", 1);
    else
        CALL(OK, foci_values_set_texts, values, "kinds", kinds, wrong == 4 ? CHANNELS - 1 : CHANNELS);
    if (wrong != 5) CALL(OK, foci_values_set_texts, values, "names", own, CHANNELS);
    if (wrong == 6) set_number(values, "nonsense", 1);
    if (wrong == 7)
        set_matrix(values, "bad", bad, CHANNELS - 2, -1);
    else if (chance(30))
        set_matrix(values, "bad", bad, CHANNELS, -1);
}

static void make_scene(scene *s) {
    double gain[CHANNELS * SOURCES * 3], positions[SOURCES * 3], normals[SOURCES * 3], triangles[12];
    double data[CHANNELS * SAMPLES * 3], matrix[CHANNELS * CHANNELS] = {0};
    int orientations = chance(60) ? 3 : 1, epochs = chance(30) ? 3 : 1, is_diagonal = chance(30), i, j, t, wrong,
        is_made;
    int64_t shape[3] = {CHANNELS, SAMPLES, epochs};
    foci_values *values = new_values();

    for (i = 0; i < CHANNELS * SOURCES * orientations; i++) gain[i] = 200 * normal();
    for (i = 0; i < SOURCES; i++) {
        double length = 0;
        for (j = 0; j < 3; j++) length += pow(normals[i + j * SOURCES] = normal(), 2);
        for (j = 0; j < 3; j++) positions[i + j * SOURCES] = 0.07 * (normals[i + j * SOURCES] /= sqrt(length));
    }
    for (i = 0; i < 12; i++) triangles[i] = below(SOURCES);
    wrong = chance(25) ? between(1, 14) : 0;
    if (wrong == 8) gain[CHANNELS * below(SOURCES)] = NAN;
    if (wrong == 9) positions[below(SOURCES)] = INFINITY;
    if (wrong == 10) triangles[5] = chance(50) ? -1 : SOURCES;
    set_channels(values, wrong);
    if (wrong != 11) set_matrix(values, "gain", gain, CHANNELS, SOURCES * orientations);
    set_number(values, "orientations", wrong == 12 ? (chance(50) ? 2 : -3) : orientations);
    set_matrix(values, "positions", positions, wrong == 13 ? SOURCES - 1 : SOURCES, 3);
    if (orientations == 1 || chance(50)) set_matrix(values, "normals", normals, SOURCES, 3);
    if (chance(50) || wrong == 10) {
        shape[0] = 4;
        shape[1] = 3;
        set_array(values, "triangles", lay_out(triangles, 2, shape, FOCI_INT64));
    }
    if (wrong == 14) set_text(values, "frame", "");
    tell("(wrong %d) ", wrong);
    is_made = CALL(wrong == 8 ? OK | INVALID : wrong ? INVALID : OK, foci_forward_create, values, &s->forward);
    require((s->forward != NULL) == is_made, "a forward of a call that failed, or none of one that did not");
    s->is_data_wrong |= wrong == 8;
    if (chance(20)) set_anything(values, "forward");
    if (!s->forward) CALL(ANY, foci_forward_create, values, &s->forward);
    CALL(INVALID, foci_forward_create, chance(50) ? values : NULL, NULL);
    CALL_VOID(foci_values_free, values);

    for (t = 0; t < SAMPLES; t++)
        for (i = 0; i < CHANNELS; i++)
            for (j = 0; j < epochs; j++) {
                double course = t < 16 ? 0 : 20e-9 * sin(0.3 * (t - 16));
                data[i + CHANNELS * (t + SAMPLES * j)] = course * gain[i + CHANNELS * 4] + 1e-6 * normal();
            }
    values = new_values();
    wrong = chance(25) ? between(1, 12) : 0;
    if (wrong == 8) data[CHANNELS * between(22, 30)] = chance(50) ? NAN : INFINITY;
    set_channels(values, wrong);
    shape[0] = wrong == 9 ? CHANNELS - 1 : CHANNELS;
    shape[1] = SAMPLES;
    if (wrong != 10) set_array(values, "data", lay_out(data, epochs > 1 ? 3 : 2, shape, FOCI_DOUBLE));
    if (wrong != 11) set_number(values, "sampling-frequency", 200);
    set_number(values, "first-time", wrong == 12 ? NAN : -0.08);
    if (chance(70)) set_number(values, "averages", epochs > 1 ? 1 : 40);
    tell("(wrong %d) ", wrong);
    is_made = CALL(wrong == 8 ? OK | INVALID : wrong ? INVALID : OK, foci_recording_create, values, &s->recording);
    require((s->recording != NULL) == is_made, "a recording of a call that failed, or none of one that did not");
    s->is_data_wrong |= wrong == 8;
    if (chance(20)) set_anything(values, "recording");
    if (!s->recording) CALL(ANY, foci_recording_create, values, &s->recording);
    CALL(INVALID, foci_recording_create, chance(50) ? values : NULL, NULL);
    CALL_VOID(foci_values_free, values);

    values = new_values();
    wrong = chance(25) ? between(1, 11) : 0;
    for (i = 0; i < CHANNELS; i++) matrix[is_diagonal ? i : i * (CHANNELS + 1)] = 40e-12;
    if (wrong == 8) matrix[0] = chance(50) ? NAN : -1e-12;
    set_channels(values, wrong);
    if (is_diagonal)
        set_matrix(values, "matrix", matrix, wrong == 9 ? CHANNELS - 1 : CHANNELS, -1);
    else
        set_matrix(values, "matrix", matrix, CHANNELS, wrong == 9 ? CHANNELS - 1 : CHANNELS);
    if (wrong == 10) set_text(values, "matrix", "");
    if (chance(50) || wrong == 11) set_number(values, "samples", wrong == 11 ? (chance(50) ? -1 : 1.5) : 5000);
    tell("(wrong %d) ", wrong);
    is_made = CALL(wrong == 8 ? OK | INVALID : wrong ? INVALID : OK, foci_covariance_create, values, &s->covariance);
    require((s->covariance != NULL) == is_made, "a covariance of a call that failed, or none of one that did not");
    s->is_noise_wrong |= wrong == 8;
    if (chance(20)) set_anything(values, "covariance");
    if (!s->covariance) CALL(ANY, foci_covariance_create, values, &s->covariance);
    CALL(INVALID, foci_covariance_create, chance(50) ? values : NULL, NULL);
    CALL_VOID(foci_values_free, values);
}

/* ---- Dynamics ---------------------------------------------------------------------------------------------------- */

static const char *const dynamics_texts[] = {"json", "text", "dynamics.json", "connections.tsv", "connections.svg",
    "influence.svg", "spectrum.svg", "forecast.svg", "page.template", "page.json", NULL};
static const char *const dynamics_arrays[] = {"influence", "p", "fdr", "selected", "confirmed", "frequency",
    "spectrum", "frequencies", NULL};

/* Options that are right, or wrong (kind 0), or anything (1). */
static foci_values *dynamics_options(const char *function, int kind) {
    foci_values *values = new_values();
    int i;
    set_number(values, "resamples", below(10));
    if (chance(30)) set_text(values, "model", chance(50) ? "linear" : "plain");
    if (chance(30)) set_number(values, "order", between(1, 2));
    if (chance(30)) set_number(values, "held-out", 0.4 * uniform());
    if (kind == 0) set_number(values, chance(50) ? "nonsense" : "threads", -1);
    if (kind == 1)
        for (i = between(1, 3); i > 0; i--) set_anything(values, function);
    return values;
}

/* Random walks of three variables, in four epochs. */
static void run_dynamics(void) {
    enum { VARIABLES = 3, LENGTH = 40, EPOCHS = 4, ROWS = LENGTH * EPOCHS };
    static const char *names[] = {"a", "\xC3\xA9<>&\"", "c\tc"};
    double data[VARIABLES * ROWS], column[ROWS], lengths[] = {LENGTH, 2 * LENGTH - 7, 7, LENGTH};
    int kind = below(4), wrong = chance(30) ? between(1, 7) : 0, is_split = chance(50), is_table = chance(40), i, k;
    /* Too little may be left for a linear model. */
    int expected = kind == 0 || wrong > 0 ? INVALID : kind == 1 ? ANY : OK | INVALID;
    int64_t shape[3] = {VARIABLES, is_split ? ROWS : LENGTH, is_split ? 1 : EPOCHS};
    foci_values *values = new_values(), *options = dynamics_options("dynamics", kind);
    foci_result *result = NULL;
    for (i = 0; i < VARIABLES * ROWS; i++) data[i] = normal() + (i >= VARIABLES ? 0.5 * data[i - VARIABLES] : 0);
    if (wrong == 1) data[below(VARIABLES * ROWS)] = chance(50) ? NAN : INFINITY;
    tell("(wrong %d) ", wrong);
    if (is_table) {
        for (k = -2; k < VARIABLES; k++) {
            if (k == -2 && wrong == 2) continue;
            for (i = 0; i < ROWS; i++)
                column[i] = k == -2 ? 0.01 * (i % LENGTH) : k == -1 ? i / LENGTH : data[k + VARIABLES * i];
            if (k == -2 && wrong == 3) column[5] = ONE_OF(odd_numbers);
            if (k == -1 && wrong == 4) column[ROWS - 1] = 0;
            shape[0] = wrong == 5 && k == 0 ? ROWS - 1 : ROWS;
            if (k == 1 && wrong == 6) for (i = 0; i < ROWS; i++) column[i] = 5;
            set_array(values, k == -2 ? "time" : k == -1 ? "epoch" : names[k], lay_out(column, 1, shape, FOCI_DOUBLE));
        }
        if (wrong == 7) set_number(values, "more", 1);
        if (CALL(expected, foci_dynamics_table, values, options, watching(), &result))
            read_result(result, dynamics_texts, dynamics_arrays);
    } else {
        if (wrong == 2) lengths[1] = chance(50) ? -7 : 9e15;
        if (wrong == 3) is_split = !is_split;
        if (wrong == 6) shape[0] = 1;
        if (wrong != 7) set_array(values, "epochs", lay_out(data, shape[2] > 1 ? 3 : 2, shape, FOCI_DOUBLE));
        if (is_split || wrong == 2) set_matrix(values, "lengths", lengths, EPOCHS, -1);
        if (wrong == 3) set_number(values, "nonsense", 1);
        set_number(values, "interval", wrong == 4 ? -1 : 0.01);
        if (chance(50)) CALL(OK, foci_values_set_texts, values, "names", names, VARIABLES);
        if (wrong == 5) CALL(OK, foci_values_set_texts, values, "names", names, 2);
        if (chance(30) && wrong == 0) set_matrix(values, "positions", data, VARIABLES, 3);
        if (CALL(expected, foci_dynamics, values, options, watching(), &result))
            read_result(result, dynamics_texts, dynamics_arrays);
    }
    if (chance(5)) {
        CALL(INVALID, foci_dynamics, NULL, options, NULL, &result);
        CALL(INVALID, foci_dynamics_table, values, options, NULL, NULL);
    }
    CALL_VOID(foci_result_free, result);
    CALL_VOID(foci_values_free, options);
    CALL_VOID(foci_values_free, values);
}

/* Of the sources of a localization, where there are two. */
static void run_sources(const scene *s, const foci_result *localized) {
    int kind = below(4);
    foci_values *options = dynamics_options("dynamics_sources", kind);
    foci_result *result = NULL;
    double window[2] = {0.0, 0.1};
    if (chance(50)) set_text(options, "force", "true");
    if (chance(50)) set_matrix(options, "window", window, 2, -1);
    if (CALL(kind == 0 ? INVALID : kind == 1 ? ANY : OK | INVALID, foci_dynamics_sources, localized, s->forward,
            s->recording, chance(80) ? s->covariance : NULL, options, watching(), &result))
        read_result(result, dynamics_texts, dynamics_arrays);
    CALL_VOID(foci_result_free, result);
    if (chance(10)) CALL(INVALID, foci_dynamics_sources, localized, NULL, NULL, NULL, options, NULL, &result);
    CALL_VOID(foci_values_free, options);
}

/* Of many sources: those of a small λ. */
static void require_sources(const scene *s) {
    foci_values *values = new_values(), *options = new_values();
    foci_result *localized = NULL, *result = NULL;
    double window[2] = {0.0, 0.11}; /* before it is the noise, where nobody tells how many trials an average is of */
    set_matrix(options, "window", window, 2, -1);
    set_text(values, "weights", "shared");
    set_number(values, "lambda", 0.05);
    set_number(options, "order", 1);
    set_text(options, "force", "true");
    CALL(OK, foci_localize, s->forward, s->recording, s->covariance, values, NULL, &localized);
    CALL(OK, foci_dynamics_sources, localized, s->forward, s->recording, s->covariance, options, NULL, &result);
    read_result(result, dynamics_texts, dynamics_arrays);
    CALL(INVALID, foci_dynamics_sources, result, s->forward, s->recording, NULL, NULL, NULL, &localized);
    CALL_VOID(foci_result_free, result);
    CALL_VOID(foci_result_free, localized);
    CALL_VOID(foci_values_free, options);
    CALL_VOID(foci_values_free, values);
}

/* ---- Localizations ----------------------------------------------------------------------------------------------- */

static const char *const localized_texts[] = {"json", "settings", "selection", "columns", "sources.tsv",
    "selection.tsv", "regions.tsv", "stability.tsv", "sources.svg", "timecourses.svg", "sensors.svg", "selection.svg",
    "stability.svg", "spectrograms.svg", "channel-names", NULL};
static const char *const localized_arrays[] = {"index", "vertex", "hemisphere", "positions", "amplitudes", "axes",
    "times", "column/peak_nAm", "region-offsets", "region", "channels", "measured", "explained", NULL};

static void run_localize(scene *s) {
    static const char *weights[] = {"shared", "reweighted", "refined"};
    int kind = below(4), expected = kind == 0 ? INVALID : kind == 1 ? ANY : OK | INVALID, i;
    foci_values *values = chance(90) || kind == 0 ? new_values() : NULL;
    foci_result *result = NULL;
    const foci_covariance *noise;
    if (values) {
        double window[2] = {0.02, 0.1};
        if (chance(50)) set_matrix(values, "window", window, 2, -1);
        if (chance(50)) set_text(values, "weights", ONE_OF(weights));
        if (chance(30)) set_text(values, "keep-preparation", "true");
        if (chance(30)) set_number(values, "lambda", 0.1 + 0.8 * uniform());
        if (kind == 0) set_wrong(values, "localize");
        if (kind == 1)
            for (i = between(1, 3); i > 0; i--) set_anything(values, "localize");
    }
    if (chance(5)) {
        CALL(INVALID, foci_localize, NULL, s->recording, s->covariance, NULL, watching(), &result);
        CALL(INVALID, foci_localize, s->forward, NULL, s->covariance, NULL, NULL, &result);
        CALL(INVALID, foci_localize, s->forward, s->recording, s->covariance, NULL, NULL, NULL);
    }
    noise = chance(80) ? s->covariance : NULL;
    if (s->is_data_wrong || (s->is_noise_wrong && noise)) expected = INVALID;
    if (CALL(expected, foci_localize, s->forward, s->recording, noise, values, watching(), &result)) {
        require(result != NULL, "no result");
        read_result(result, localized_texts, localized_arrays);
        if (chance(40)) run_sources(s, result);
        if (result_count < COUNT(results))
            results[result_count++] = result;
        else
            CALL_VOID(foci_result_free, result);
    } else
        require(result == NULL, "a result of a call that failed");
    if (values) CALL_VOID(foci_values_free, values);
}

static void run_page(void) {
    static const char *const texts[] = {"json", "template", NULL}, *const arrays[] = {NULL};
    const char *names[32];
    const foci_result *chosen[32];
    int i, kind = below(3), count;
    foci_values *values = chance(70) || kind == 0 ? new_values() : NULL;
    foci_result *page = NULL;
    for (i = 0; i < result_count; i++) {
        chosen[i] = results[i];
        names[i] = chance(50) ? "first" : "\xC3\xA9<>&\"";
    }
    if (values && chance(50)) set_text(values, "heading", chance(50) ? "A page" : "</script>");
    if (values && chance(30)) CALL(OK, foci_values_set_texts, values, "names", names, result_count);
    count = result_count < 3 ? result_count : 3;
    if (count > 0 && values && chance(20)) CALL(OK, foci_values_set_texts, values, "names", names, count);
    if (count > 0 && kind == 1) {
        i = below(2);
        if (i == 0) chosen[below(count)] = NULL;
        CALL(INVALID, foci_page, i == 1 ? NULL : chosen, count, NULL, &page);
        CALL(INVALID, foci_page, chosen, chance(50) ? -1 : INT64_MIN, values, &page);
        CALL(INVALID, foci_page, chosen, 1, NULL, NULL);
    } else {
        if (kind == 0) set_number(values, "nonsense", 1);
        if (CALL(kind == 0 || count == 0 ? INVALID : OK | INVALID, foci_page, chosen, count, values, &page)) {
            require(page != NULL, "no page");
            read_result(page, texts, arrays);
        }
    }
    CALL_VOID(foci_result_free, page);
    if (values) CALL_VOID(foci_values_free, values);
}

/* ---- Threads ----------------------------------------------------------------------------------------------------- */

/* One problem, one forward: used by several threads at once. Theirs are no `calls` and no story. */
typedef struct {
    const foci_problem *problem;
    const scene *scene;
    const foci_values *options;
    const foci_result *solved, *localized;
    int number, rounds;
    int32_t cancel;
    int cancelled;
} worker;

static void require_same(const foci_result *result, const foci_result *reference, const char *name) {
    foci_array array, expected;
    require(
        foci_result_array(result, name, &array) == FOCI_OK && foci_result_array(reference, name, &expected) == FOCI_OK,
        "no '%s' in a thread: %s", name, foci_error());
    require(memcmp(array.shape, expected.shape, sizeof array.shape) == 0 &&
                memcmp(array.data, expected.data, 8 * (size_t)(array.shape[0] * array.shape[1] * array.shape[2])) == 0,
        "'%s' is not the same in threads", name);
}

static void *work(void *context) {
    worker *w = context;
    char name[30];
    int round;
    double start = now();
    snprintf(name, sizeof name, "nonsense-%d", w->number);
    /* The first goes on until it is cancelled. */
    for (round = 0; w->number == 0 ? !w->cancelled : round < w->rounds; round++) {
        foci_monitor monitor = {&w->cancel, NULL, NULL, NULL};
        foci_result *result = NULL;
        foci_values *wrong = NULL;
        const char *text = NULL;
        foci_status status = foci_solve(w->problem, w->options, &monitor, &result);
        require(status == FOCI_OK || (status == FOCI_CANCELLED && w->cancel), "a thread's solve: %s", foci_error());
        if (status == FOCI_OK) require_same(result, w->solved, "coefficients");
        w->cancelled += status == FOCI_CANCELLED;
        require(now() - start < 30 * slowness, "a thread is not cancelled");
        foci_result_free(result);
        if (round % 4 == 0 && w->localized) {
            result = NULL;
            status =
                foci_localize(w->scene->forward, w->scene->recording, w->scene->covariance, NULL, &monitor, &result);
            require(status == FOCI_OK || (status == FOCI_CANCELLED && w->cancel), "a thread's localization: %s",
                foci_error());
            if (status == FOCI_OK) require_same(result, w->localized, "amplitudes");
            w->cancelled += status == FOCI_CANCELLED;
            foci_result_free(result);
            require(foci_result_text(w->localized, "sources.svg", &text) == FOCI_OK && text, "no figure in a thread");
        }
        /* Each thread has its own last error. */
        require(
            foci_values_create(&wrong) == FOCI_OK && foci_values_set_number(wrong, name, 1) == FOCI_OK, "no values");
        require(foci_solve(w->problem, wrong, NULL, &result) == FOCI_INVALID && strstr(foci_error(), name) != NULL,
            "another thread's error: %s", foci_error());
        foci_values_free(wrong);
    }
    return NULL;
}

static void run_threads(const scene *s, int rounds) {
    enum { THREADS = 4, ROWS = 30, COLUMNS = 200 };
    static double x[ROWS * COLUMNS], y[ROWS * 5];
    const struct timespec pause = {0, 3000000};
    foci_array design = foci_lent_matrix(x, ROWS, COLUMNS), response = foci_matrix(y, ROWS, 5);
    foci_problem *shared = NULL;
    foci_values *options = new_values();
    foci_result *solved = NULL, *localized = NULL;
    foci_monitor monitor = {&cancel, NULL, NULL, NULL};
    pthread_t threads[THREADS];
    worker workers[THREADS];
    int i;
    for (i = 0; i < ROWS * COLUMNS; i++) x[i] = normal();
    for (i = 0; i < ROWS * 5; i++) y[i] = normal();
    CALL(OK, foci_problem_create, &design, &response, NULL, &shared);
    set_number(options, "lambda-ratio", 0.05);
    set_number(options, "gap", 1e-9);
    CALL(OK, foci_solve, shared, options, NULL, &solved);
    if (s) CALL(OK, foci_localize, s->forward, s->recording, s->covariance, NULL, NULL, &localized);
    for (i = 0; i < THREADS; i++) {
        worker w = {shared, s, options, solved, localized, i, rounds, 0, 0};
        workers[i] = w;
        require(pthread_create(&threads[i], NULL, work, &workers[i]) == 0, "no thread");
    }
    nanosleep(&pause, NULL);
    __atomic_store_n(&workers[0].cancel, 1, __ATOMIC_RELAXED);
    for (i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    /* A flag that is set before: nothing long is begun. */
    enter("foci_solve");
    __atomic_store_n(&cancel, 1, __ATOMIC_RELAXED);
    foci_result_free(solved);
    solved = NULL;
    ended("foci_solve", foci_solve(shared, options, &monitor, &solved), CANCELLED);
    CALL_VOID(foci_result_free, solved);
    CALL_VOID(foci_result_free, localized);
    CALL_VOID(foci_values_free, options);
    CALL_VOID(foci_problem_free, shared);
}

/* ---- All of it --------------------------------------------------------------------------------------------------- */

static void free_all(scene *s) {
    int i;
    for (i = 0; i < result_count; i++) CALL_VOID(foci_result_free, results[i]);
    CALL_VOID(foci_forward_free, s->forward);
    CALL_VOID(foci_recording_free, s->recording);
    CALL_VOID(foci_covariance_free, s->covariance);
    for (i = 0; i < lent_count; i++) free(lent[i]);
    result_count = lent_count = 0;
}

static void run_episode(void) {
    problem p;
    scene s = {NULL, NULL, NULL, 0, 0};
    int i;
    const char *names = ONE_OF(odd_texts);
    foci_values *values;
    story[0] = 0;
    values = new_values();
    enter("foci_names");
    require(foci_names(names) == NULL || strcmp(names, "path") == 0 || strcmp(names, "refine") == 0, "names of '%s'",
        names);
    ended("foci_names", FOCI_OK, OK);
    enter("foci_version");
    require_line(foci_version());
    ended("foci_version", FOCI_OK, OK);
    enter("foci_error");
    require(foci_error() != NULL, "no text of an error");
    ended("foci_error", FOCI_OK, OK);
    make_problem(&p);
    for (i = between(1, 4); i > 0 && p.handle; i--) run_regression(&p);
    for (i = between(0, 3); i > 0; i--) misuse_values(values);
    if (chance(50)) run_dynamics();
    CALL_VOID(foci_values_free, values);
    if (chance(30)) {
        make_scene(&s);
        for (i = between(1, 4); i > 0 && s.forward && s.recording; i--) run_localize(&s);
        run_page();
    }
    CALL_VOID(foci_problem_free, p.handle);
    free_all(&s);
}

int main(int count, char **arguments) {
    static const int signals[] = {SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV};
    long wanted = count > 1 ? atol(arguments[1]) : 0;
    pthread_t watcher;
    scene s = {NULL, NULL, NULL, 0, 0};
    int i, j;
    if (wanted <= 0) {
        fprintf(stderr, "Usage: fuzz CALLS [SEED [SLOWNESS]]\n");
        return 2;
    }
    state = first_seed = count > 2 ? strtoull(arguments[2], NULL, 10) : 1;
    if (count > 3) slowness = atof(arguments[3]);
    for (i = 0; i < COUNT(signals); i++) signal(signals[i], on_signal);
    require(pthread_create(&watcher, NULL, watch, NULL) == 0, "no thread");
    require(*foci_error() == 0, "an error before any");
    while (calls < wanted) run_episode();
    do {
        free_all(&s);
        memset(&s, 0, sizeof s);
        story[0] = 0;
        make_scene(&s);
    } while (!s.forward || !s.recording || !s.covariance || s.is_data_wrong || s.is_noise_wrong);
    run_threads(&s, wanted < 1000 ? 1 : 20);
    require_sources(&s);
    free_all(&s);
    story[0] = 0;
    printf("%-24s %8s %8s %10s %8s %8s\n", "", "OK", "INVALID", "CANCELLED", "MISSING", "FAILED");
    for (i = 0; i < COUNT(functions); i++) {
        printf("%-24s", functions[i].name);
        for (j = 0; j < 5; j++) printf(j == 2 ? " %10ld" : " %8ld", functions[i].ends[j]);
        printf("\n");
        if (wanted < 5000) continue;
        require(functions[i].ends[FOCI_OK] > 0, "%s never ended well", functions[i].name);
        require(!functions[i].is_status || functions[i].ends[FOCI_INVALID] > 0, "%s was never called wrongly",
            functions[i].name);
    }
    printf("%ld calls as they should be, %ld texts from callbacks\n", calls, told);
    return 0;
}
