import SourceImaging

/// The table of everything that was tried, `selection.tsv`.
public enum SelectionTable {
    /// Names of the columns, in order; `chosen` is 1 in the row of the choice and 0 elsewhere. Where every source has a λ
    /// of its own, `lambda` is their geometric mean.
    public static let columns = [
        "lambda", "lambda_ratio", "criterion", "degrees_of_freedom", "squared_residual", "active", "relative_gap",
        "seconds",
        "chosen",
    ]

    /// The last column, where more than λ was chosen.
    public static let notes = "notes"

    /// Tab-separated values: a header, then a row a point in descending order of λ, or of evaluation where every
    /// source has a λ of its own. Non-finite values read `n/a`.
    ///
    /// Numbers are written so that they read back exactly: a ratio from this table reproduces the run.
    ///
    /// - Parameter timing: whether there is a column of seconds, which alone differs from run to run.
    public static func tsv(_ curve: SelectionCurve, timing: Bool = true) -> String {
        let rows = curve.points.enumerated().map { place, point in
            [
                NumberText.exact(point.lambda), NumberText.exact(point.ratio), NumberText.exact(point.criterion),
                NumberText.exact(point.degreesOfFreedom), NumberText.exact(point.squaredResidual),
                String(point.activeCount), NumberText.exact(point.relativeGap),
            ] + (timing ? [NumberText.significant(point.seconds, 4)] : [])
                + [place == curve.chosenIndex ? "1" : "0"] + (curve.notes.map { [$0[place]] } ?? [])
        }
        return TabSeparated.text(
            header: columns.filter { timing || $0 != "seconds" } + (curve.notes == nil ? [] : [notes]), rows: rows)
    }
}
