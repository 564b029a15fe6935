/* Foci: sparse inverse problems with hyperparameters that choose themselves, and the localization of EEG and MEG.
 *
 * In short
 * - What goes in beside arrays is set by name in a bag of values (foci_values); what comes out is asked for by name
 *   (foci_result_text, _number, _array). The names stand with each function.
 * - Every function that can fail returns a status; foci_error() then says in one line what was found, what was expected and
 *   what to do. No other way out of the library exists: no exception, no signal, nothing printed.
 * - Handles that were created do not change any more, so that threads may share them; a bag of values is used by one thread
 *   at a time. Whoever creates a handle frees it; NULL may be freed.
 * - Arrays are copied unless they are lent (foci_array.is_lent); then they must live, unchanged, as long as the handle that
 *   was made of them.
 * - Numbers are in SI units: V, T, T/m, A·m, m, s. Indices count from 0.
 *
 * Results do not depend on the number of threads, and the same input gives the same output.
 */
#ifndef FOCI_H
#define FOCI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How a call ended. */
typedef int32_t foci_status;
enum {
    FOCI_OK = 0,
    FOCI_INVALID = 1,   /* something that was given cannot be worked with */
    FOCI_CANCELLED = 2, /* the caller's flag was seen */
    FOCI_MISSING = 3,   /* a result has nothing of that name */
    FOCI_FAILED = 4     /* the numerics found no answer */
};

/* The version, for example "0.1.0". Lives for ever. */
const char *foci_version(void);

/* What went wrong in the last call of this thread that did not return FOCI_OK: one line of UTF-8, empty before any. Lives
 * until the next failure on this thread. */
const char *foci_error(void);

/* ---- Arrays ----------------------------------------------------------------------------------------------------------- */

enum { FOCI_DOUBLE = 0, FOCI_FLOAT = 1, FOCI_INT64 = 2 };

/* Numbers in memory. Element (i, j, k) is data[i·strides[0] + j·strides[1] + k·strides[2]]; strides are counted in elements
 * and may be negative. What does not exist is 1 (shape) and 0 (strides). */
typedef struct foci_array {
    const void *data;
    int32_t type;
    int32_t dimensions; /* 1, 2 or 3 */
    int64_t shape[3];
    int64_t strides[3];
    /* Not 0: used where it lies, not copied, where its layout allows it: of doubles or floats, first index fastest and
     * without gaps; for "gain" of a forward also the second index fastest. */
    int32_t is_lent;
    int32_t reserved; /* 0 */
} foci_array;

/* A matrix of doubles, column after column without gaps. */
static inline foci_array foci_matrix(const double *data, int64_t rows, int64_t columns) {
    foci_array array = {data, FOCI_DOUBLE, 2, {rows, columns, 1}, {1, rows, 0}, 0, 0};
    return array;
}

/* The same, lent. */
static inline foci_array foci_lent_matrix(const double *data, int64_t rows, int64_t columns) {
    foci_array array = foci_matrix(data, rows, columns);
    array.is_lent = 1;
    return array;
}

/* ---- Values by name --------------------------------------------------------------------------------------------------- */

/* Texts, numbers and arrays by name. A name that is set again has the new value. Names are checked by the function that
 * takes the values, and so is what they mean; an unknown one is FOCI_INVALID. */
typedef struct foci_values foci_values;

foci_status foci_values_create(foci_values **values);
foci_status foci_values_set_text(foci_values *values, const char *name, const char *text);
foci_status foci_values_set_number(foci_values *values, const char *name, double number);
foci_status foci_values_set_texts(foci_values *values, const char *name, const char *const *texts, int64_t count);
/* Copied at once, unless it is lent. */
foci_status foci_values_set_array(foci_values *values, const char *name, const foci_array *array);
void foci_values_free(foci_values *values);

/* The options of "solve", "path", "select", "refine", "mixed", "dynamics", "dynamics_sources", "localize" or "page", and the
 * fields of "forward", "recording" or "covariance": JSON, an object a name with "name", "help", and "default" where there is
 * one. Lives for ever; NULL for another function. */
const char *foci_names(const char *function);

/* ---- Watching --------------------------------------------------------------------------------------------------------- */

/* How a caller watches and stops a long call; all of it may be NULL. */
typedef struct foci_monitor {
    /* Read now and then: the call ends with FOCI_CANCELLED soon after it is not 0. Any thread may set it. */
    const int32_t *cancel;
    /* Called on the thread that computes; the texts live until the callback returns. */
    void (*progress)(void *context, const char *stage, const char *detail);
    /* Called with what the caller should know before trusting a result. */
    void (*warning)(void *context, const char *text);
    void *context;
} foci_monitor;

/* ---- Regression ------------------------------------------------------------------------------------------------------- */

/* Minimize ½‖Y − XB‖² + Σ_j λ w_j φ(‖B_j‖) over B; X is n × q, Y is n × T, and B_j the rows of B in block j. */
typedef struct foci_problem foci_problem;
typedef struct foci_result foci_result;

/* Poses a problem.
 *   design       X: doubles or floats, n × q; lent ones are not copied.
 *   response     Y: doubles, n × T, or n numbers.
 *   block_sizes  how many columns each block has, integers that add up to q; NULL makes each column a block. */
foci_status foci_problem_create(
    const foci_array *design, const foci_array *response, const foci_array *block_sizes, foci_problem **problem);
void foci_problem_free(foci_problem *problem);

/* Solves at one λ. Options (all may be left out but λ; NULL for none):
 *   lambda or lambda-ratio   λ, or a fraction of λ_max, the smallest λ at which nothing is active
 *   penalty                  "l21" (default: blocks) and those that foci_names tells; ridge, gamma: its number of shape
 *   weights                  w_j, an array, one a block (a column, for penalties of entries); infinity leaves a block out
 *   reweight                 rounds of reweighting (Strohmeier et al. 2016) from there; reweight-scale "strongest"
 *                            (default), "median" or "unit" (the plain penalty λ Σ √‖B_j‖)
 *   debias                   "true" undoes the shrinkage of each block (Gramfort et al. 2012)
 *   gap, solver, threads, time-limit
 * Result: text "json" (objective, duality gap, λ_max, work, warnings); numbers of the same names; arrays
 *   "blocks"        active blocks, ascending
 *   "columns"       their columns
 *   "coefficients"  T × active columns */
foci_status foci_solve(
    const foci_problem *problem, const foci_values *options, const foci_monitor *monitor, foci_result **result);

/* Solves from λ_max downwards, each from the one before. Options as foci_solve; lambda-ratio is the smallest (0.001), "count" how
 * many there are (100), evenly by their logarithms; or "lambdas", an array, descending. Without reweighting and debiasing.
 * Result: as foci_solve, the points one after the other: arrays
 *   "lambdas"                       λ of each point
 *   "offsets", "block-offsets"      where each point begins in "columns" and "coefficients", and in "blocks"; and the ends */
foci_status foci_path(
    const foci_problem *problem, const foci_values *options, const foci_monitor *monitor, foci_result **result);

/* Chooses hyperparameters. Options: criterion, search, hypergradient, penalty, ridge, gamma, weights ("shared" or
 * "learned"), sigma (standard deviation of the noise of an entry of Y), start, evaluations, folds, draws, seed, gap, threads.
 * Result: text "json" (the choice, and the history of the search); arrays as foci_solve, and "weights" where each block has a
 * λ of its own: λ_j over λ_max. */
foci_status foci_select(
    const foci_problem *problem, const foci_values *options, const foci_monitor *monitor, foci_result **result);

/* Exchanges blocks for the few that are each worth more than noise: best subset of blocks, by alternating projection.
 * Options: charge (what a block must explain of ‖Y‖²), or sigma (standard deviation of white noise in Y) with
 * false-positive-rate; maximum-count, ridge, seed, threads; start (an array of blocks), beside which no block is a start.
 * Result: text "json"; arrays as foci_solve, and "scores": what the squared residual would rise by without each block. */
foci_status foci_refine(
    const foci_problem *problem, const foci_values *options, const foci_monitor *monitor, foci_result **result);

/* ---- Mixed effects ---------------------------------------------------------------------------------------------------- */

/* Models of groups: y_i = X_i β + Z_i u_i + noise in group i, u_i normal with covariance Γ; β is what the groups share, u_i how
 * each departs from it. The data choose which effects there are.
 *
 * Options (NULL for the defaults; foci_names("mixed") tells all):
 *   select       "average" (default: averages over models by BIC; inclusion probabilities), "subset", "none" (all are in),
 *                "newton", "pgd", "msr3", "msr3-fast" (penalties)
 *   penalty      "adaptive-l1" (default), "l1", "l0", "scad", "cad", "mcp"; lambda, eta: numbers, or "auto" (default)
 *   hierarchy    "false": a random effect may be in without its fixed effect
 *   keep         texts: fixed effects that are always in; "(Intercept)" unless given
 *   standardize  "false": effects are chosen in the units given, not in standard deviations
 *   estimation   "reml" (default) or "ml"; confidence (0.95); seed
 *   noise-variance   a number, or in foci_mixed_table a column; estimated unless given
 * Result: text "json" (all effects, criteria, λ and η tried), "text" (the same in words), tables "fixed.tsv", "random.tsv",
 * "groups.tsv", "selection.tsv", figures "effects.svg", "inclusion.svg", "paths.svg" (FOCI_MISSING where there is none),
 * "names" (JSON: lists "fixed", "random", "groups"); numbers "objective", "bic", "noise_variance", "lambda", "eta",
 * "minus_twice_log_likelihood", "minus_twice_restricted_log_likelihood" (NaN where there is none); arrays
 *   "fixed", "standard-errors", "p", "fixed-selected", "fixed-inclusion"   of each fixed effect; NaN where unknown
 *   "random", "random-selected", "random-inclusion", "random-p"   variances over groups; likelihood-ratio tests
 *   "random-lower", "random-upper"   profile intervals of their roots, with all effects in or fewer than 8 groups, and at
 *                                    most eight random effects; else NaN
 *   "fixed-penalized", "random-penalized"   what the penalty leaves of each before what is selected is fitted again
 *   "fixed-columns", "random-columns"   which of the columns given each is: those that say nothing new are left out
 *   "covariance"         of the random effects, q × q
 *   "deviations"         q × groups: u of each group
 *   "rows", "fitted"     the rows given that were used, and what the model says of each, u included
 *   "path-lambdas", "path-fixed", "path-random"   along λ, where there was a path */

/* Of arrays, by name in `data`: response (n), groups (n numbers or texts), fixed (X, n × p), random (Z, n × q); optionally
 * fixed-names, random-names (texts; random effects named as a fixed effect belong to it) and noise-variance (n numbers). No
 * intercept is added. */
foci_status foci_mixed(
    const foci_values *data, const foci_values *options, const foci_monitor *monitor, foci_result **result);

/* Of a table: `columns` are numbers (NaN: missing) or texts (empty: missing) by their names, n each. Options are, beside those
 * above, formula (y ~ a*b + (1 + a | subject), as in lme4), or response, group, fixed and random (columns, or terms), and
 * correlated. Categories are coded as in R. */
foci_status foci_mixed_table(
    const foci_values *columns, const foci_values *options, const foci_monitor *monitor, foci_result **result);

/* ---- Localization ----------------------------------------------------------------------------------------------------- */

typedef struct foci_forward foci_forward;
typedef struct foci_recording foci_recording;
typedef struct foci_covariance foci_covariance;

/* Channels are described alike in all three: names (texts), kinds (texts: "mag", "grad", "eeg"), and where known bad
 * (integers, not 0 for bad channels), locations (n × 12: position in m and three axes), compensations (texts: "none",
 * "grade 3", …), and sensor-frame (text: what the positions are relative to).
 * device-to-head: 4 × 4, from coordinates of the MEG device to those of the head. subject: text. */

/* What each sensor measures of a unit dipole at each source. Beside the channels:
 *   gain          channels × (sources · orientations): V/(A·m), T/(A·m) or T/m/(A·m). With 3 orientations the columns of
 *                 source j are 3j, 3j+1, 3j+2: x, y, z in the frame of the positions. Lent ones are not copied.
 *   orientations  1 or 3
 *   positions     sources × 3, m; frame: "head", "mri" or "ctf"
 *   normals       sources × 3, where known; hemispheres: integers, 0 left, 1 right, −1 volume; vertices: integers
 *   triangles     n × 3, integers: indices of sources; for pictures */
foci_status foci_forward_create(const foci_values *values, foci_forward **forward);
void foci_forward_free(foci_forward *forward);

/* What the sensors measured. Beside the channels:
 *   data          channels × samples, an average; or channels × samples × epochs. V, T or T/m
 *   sampling-frequency (Hz), first-time (s; 0 is the event), condition (text)
 *   averages      trials that the average is of, where known; may be a fraction
 *   projectors    k × channels; is-projected: not 0 where the data have them applied
 *   maxwell-rank  components that a Maxwell filter left, where one was applied */
foci_status foci_recording_create(const foci_values *values, foci_recording **recording);
void foci_recording_free(foci_recording *recording);

/* The noise of one epoch. Beside the channels:
 *   matrix        channels × channels, or channels numbers: the diagonal
 *   samples       that it was estimated from, where known; projectors as of a recording
 *   is-single-precision   not 0 where its numbers were stored in single precision; found out where it is not set */
foci_status foci_covariance_create(const foci_values *values, foci_covariance **covariance);
void foci_covariance_free(foci_covariance *covariance);

/* Localizes. Options are those of `foci localize` without their hyphens in front (foci_names("localize") tells them), and
 *   keep-preparation   "true": the forward keeps its whitened gain for the next recording; one more gain of memory
 *   naming             how the caller's users know options, for messages: "gain-error=gain_error,lambda=alpha"
 * covariance may be NULL: the noise is then estimated from the recording.
 * Result: texts "json" (the summary that `foci localize --json` prints), "subject", "condition", "frame",
 * "settings" (JSON), "selection" (JSON: all that was tried), "columns" (JSON: name, which ends with the unit, and meaning of
 * each column of the table of sources), tables "sources.tsv",
 * "selection.tsv", "regions.tsv", "stability.tsv" and figures "sources.svg", "timecourses.svg", "sensors.svg",
 * "selection.svg", "stability.svg", "spectrograms.svg" (FOCI_MISSING where the command writes none); arrays
 *   "index", "vertex", "hemisphere"   of each source; −1 where unknown (hemisphere: −2)
 *   "positions"        sources × 3, m, in the frame
 *   "candidates"       positions of all candidate sources
 *   "amplitudes"       axes × samples × sources, A·m
 *   "window-K/real", "window-K/imaginary"  by the method tf, of window K from 1: frequencies × times × axes of all
 *                      sources, those of a source side by side, A·m, one-sided, orthonormal; "window-K/frequencies" Hz and "window-K/times" s
 *   "axes"             3 × axes × sources, unit vectors; NaN where unknown
 *   "times"            s
 *   "column/NAME"      a number a source for each of "columns"; NaN where unknown
 *   "region-offsets", "region"   candidates in the 95 % region of each source
 *   "measured", "explained"      used channels × samples
 * and text "channel-names" (JSON). */
foci_status foci_localize(
    const foci_forward *forward, const foci_recording *recording, const foci_covariance *covariance,
    const foci_values *options, const foci_monitor *monitor, foci_result **result);

/* A page of results: texts "template", a Mustache template of an HTML page that needs nothing beside it, and "json", what it
 * names. Results are of foci_localize. Options: heading (text), names (texts, one a result; their conditions otherwise). */
foci_status foci_page(
    const foci_result *const *results, int64_t count, const foci_values *options, foci_result **page);

/* ---- Dynamics --------------------------------------------------------------------------------------------------------- */

/* Who drives whom among variables that were recorded together: whose past, or state, tells what another does next.
 *
 * Options (NULL for the defaults; foci_names("dynamics") tells all):
 *   model        "plain" (default: autoregression), "linear" or "network" (differential equations), "library"
 *   order        lags of autoregression, or order of equations; "auto" (default)
 *   false-discovery-rate (0.05), smallest-influence (0.1 of the strongest)   what is claimed
 *   penalty, lambda   of a network; "group-lasso", "auto" (held-out segments choose)
 *   resamples    of epochs (100; of other models 20); held-out: part of the epochs that judges forecasts (0.2)
 *   force        "true": one averaged response is worked with, too
 *   seed, threads
 * Result: text "json" (what `foci dynamics --json` prints), "text" (the same in words), "dynamics.json" (the same, indented),
 * table "connections.tsv", figures "connections.svg", "influence.svg", "spectrum.svg", "forecast.svg" (FOCI_MISSING where there
 * is none), "page.template" and "page.json" (dynamics.html as a Mustache template, and what it names, as of foci_page); numbers
 * "order", "lambda" (NaN where there is none); arrays, n × n, element (i, j) of what j does to i; NaN on the diagonal and where
 * unknown
 *   "influence", "p", "fdr"   how much; probability of as much by chance, and that corrected for the number of connections
 *   "selected", "confirmed"   1 where claimed, and where reversed time does not contradict; else 0
 *   "frequency"               part of the resamples that claim it
 *   "spectrum"                n × n × frequencies: influence by frequency (FOCI_MISSING where the model is not linear);
 *   "frequencies"             Hz, likewise */

/* Of arrays, by name in `data`: epochs (variables × samples, or variables × samples × epochs; or variables × the samples of all
 * epochs with lengths: integers, the samples of each), interval (s, from one sample to the next); optionally names (texts) and
 * positions (variables × 3, m; for pictures). */
foci_status foci_dynamics(
    const foci_values *data, const foci_values *options, const foci_monitor *monitor, foci_result **result);

/* Of a table: `columns` are time (s), optionally epoch (numbers or texts), and a column of numbers a variable, in the order in which
 * they were set. */
foci_status foci_dynamics_table(
    const foci_values *columns, const foci_values *options, const foci_monitor *monitor, foci_result **result);

/* Of sources: those that foci_localize found (its result), fitted again in every epoch of a recording. The forward is the one that
 * they were found with; covariance may be NULL: the noise is then estimated before time 0. Options are, beside those above,
 * window (two times, s: of each epoch) and match-names, as of foci_localize. */
foci_status foci_dynamics_sources(
    const foci_result *localized, const foci_forward *forward, const foci_recording *recording,
    const foci_covariance *covariance, const foci_values *options, const foci_monitor *monitor, foci_result **result);

/* ---- Results ---------------------------------------------------------------------------------------------------------- */

/* What lives in a result lives as long as the result. */
foci_status foci_result_text(const foci_result *result, const char *name, const char **text);
foci_status foci_result_number(const foci_result *result, const char *name, double *number);
/* First index fastest, without gaps. */
foci_status foci_result_array(const foci_result *result, const char *name, foci_array *array);
void foci_result_free(foci_result *result);

#ifdef __cplusplus
}
#endif

#endif
