/* Finds the few columns of a matrix that explain a response, prints them, and shows how errors come back.
 *
 *     cc solve.c $(pkg-config --cflags --libs foci) -o solve
 */
#include <foci.h>
#include <stdio.h>

static void warn(void *context, const char *text) { fprintf((FILE *)context, "warning: %s\n", text); }

int main(void) {
    /* Orthonormal columns, one after the other; the response is 3 and 4 times the first, 1.2 and −1.6 times the last. */
    const double x[] = {.5, .5, .5, .5, .5, -.5, .5, -.5, .5, .5, -.5, -.5};
    const double y[] = {2.1, 2.1, .9, .9, 1.2, 1.2, 2.8, 2.8};
    foci_array design = foci_matrix(x, 4, 3), response = foci_matrix(y, 4, 2);

    foci_problem *problem = NULL;
    foci_values *options = NULL;
    foci_result *result = NULL;
    foci_monitor monitor = {NULL, NULL, warn, stderr};
    foci_array columns, coefficients;
    double objective = 0;
    int code = 1;
    int64_t j, t;
    if (foci_problem_create(&design, &response, NULL, &problem) || foci_values_create(&options) ||
        foci_values_set_number(options, "lambda", 1) || foci_solve(problem, options, &monitor, &result) ||
        foci_result_array(result, "columns", &columns) || foci_result_array(result, "coefficients", &coefficients) ||
        foci_result_number(result, "objective", &objective)) {
        fprintf(stderr, "%s\n", foci_error());
        goto end;
    }
    for (j = 0; j < columns.shape[0]; j++) {
        printf("column %d:", (int)((const int64_t *)columns.data)[j]);
        for (t = 0; t < coefficients.shape[0]; t++)
            printf(" %.4f", ((const double *)coefficients.data)[t + j * coefficients.strides[1]]);
        printf("\n");
    }
    printf("objective: %.4f\n", objective);

    /* Nothing is computed with options that make no sense; the status says so, and a line of text says what to do. */
    if (foci_values_set_number(options, "lambda", -1) || foci_solve(problem, options, NULL, &result) != FOCI_INVALID)
        goto end;
    printf("error: %s\n", foci_error());
    code = 0;

end: /* NULL may be freed. */
    foci_result_free(result);
    foci_values_free(options);
    foci_problem_free(problem);
    return code;
}
