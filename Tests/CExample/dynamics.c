/* Says which of three simulated variables drives which: as arrays, as a table, and what is refused.
 *
 *     dynamics FILE
 *
 * FILE is written: the same variables as a table for `foci dynamics --table FILE --json`.
 */
#include <foci.h>
#include <stdio.h>

enum { VARIABLES = 3, SAMPLES = 120, EPOCHS = 8 };
static const char *const names[] = {"z", "y", "x"};
static double epochs[VARIABLES * SAMPLES * EPOCHS], columns[5][SAMPLES * EPOCHS];

/* Uniform within −1 and 1 (Knuth's MMIX generator). */
static double noise(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(int64_t)*state / 9223372036854775808.0;
}

/* z drives y, which drives x. */
static void simulate(FILE *file) {
    uint64_t state = 1;
    int epoch, t, k;
    fprintf(file, "time\tepoch\tz\ty\tx\n");
    for (epoch = 0; epoch < EPOCHS; epoch++) {
        double now[VARIABLES] = {0, 0, 0};
        for (t = -50; t < SAMPLES; t++) {
            double before[VARIABLES] = {now[0], now[1], now[2]};
            int row = epoch * SAMPLES + t;
            for (k = 0; k < VARIABLES; k++)
                now[k] = 0.6 * before[k] + (k > 0 ? 0.5 * before[k - 1] : 0) + noise(&state);
            if (t < 0) continue;
            columns[0][row] = t / 128.0;
            columns[1][row] = epoch;
            fprintf(file, "%.17g\t%d", columns[0][row], epoch);
            for (k = 0; k < VARIABLES; k++) {
                epochs[k + VARIABLES * row] = columns[2 + k][row] = now[k];
                fprintf(file, "\t%.17g", now[k]);
            }
            fprintf(file, "\n");
        }
    }
}

/* Column j drives row i of "influence" by element i + j · n. */
static int check(const foci_result *result) {
    foci_array influence, selected;
    const double *claimed;
    if (foci_result_array(result, "influence", &influence) || foci_result_array(result, "selected", &selected)) return 0;
    claimed = (const double *)selected.data;
    return influence.shape[0] == VARIABLES && influence.shape[1] == VARIABLES && claimed[1 + 0 * VARIABLES] == 1 &&
           claimed[2 + 1 * VARIABLES] == 1 && claimed[0 + 1 * VARIABLES] == 0;
}

int main(int count, char **arguments) {
    foci_values *data = NULL, *table = NULL;
    foci_result *result = NULL, *same = NULL;
    foci_array all = {epochs, FOCI_DOUBLE, 3, {VARIABLES, SAMPLES, EPOCHS}, {1, VARIABLES, VARIABLES * SAMPLES}, 1, 0};
    const char *text;
    FILE *file = count > 1 ? fopen(arguments[1], "w") : NULL;
    int code = 1, k;
    if (!file) {
        fprintf(stderr, "Usage: dynamics FILE\n");
        return 2;
    }
    simulate(file);
    fclose(file);
    if (foci_values_create(&data) || foci_values_set_array(data, "epochs", &all) ||
        foci_values_set_number(data, "interval", 1 / 128.0) ||
        foci_values_set_texts(data, "names", names, VARIABLES) || foci_dynamics(data, NULL, NULL, &result) ||
        foci_result_text(result, "json", &text))
        goto failed;
    printf("%s\n", text);
    if (!check(result)) goto end;

    if (foci_values_create(&table)) goto failed;
    for (k = 0; k < 2 + VARIABLES; k++) {
        foci_array column = {columns[k], FOCI_DOUBLE, 1, {SAMPLES * EPOCHS, 1, 1}, {1, 0, 0}, 1, 0};
        if (foci_values_set_array(table, k == 0 ? "time" : k == 1 ? "epoch" : names[k - 2], &column)) goto failed;
    }
    if (foci_dynamics_table(table, NULL, NULL, &same) || foci_result_text(same, "json", &text)) goto failed;
    printf("%s\n", text);

    /* One variable is driven by nothing. */
    all.shape[0] = 1;
    if (foci_values_set_array(data, "epochs", &all) || foci_dynamics(data, NULL, NULL, &result) != FOCI_INVALID)
        goto end;
    printf("error: %s\n", foci_error());
    code = 0;
    goto end;

failed:
    fprintf(stderr, "%s\n", foci_error());
end: /* NULL may be freed. */
    foci_result_free(same);
    foci_result_free(result);
    foci_values_free(table);
    foci_values_free(data);
    return code;
}
