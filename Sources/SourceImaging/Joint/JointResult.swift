/// What a joint localization found.
public struct JointResult: Sendable {
    /// One subject.
    public struct Subject: Sendable {
        /// Its name.
        public let name: String
        /// The estimate from its data alone.
        public let separate: Estimate
        /// The estimate from its data and what the others show.
        public let joint: Estimate
        /// How well its own sources, as found alone, lie where the others have theirs: the mean over them of the logarithm of
        /// by how many times they are likelier there. Below zero the subject stands out; nil where it or all others have no
        /// source, and without coupling.
        public let agreement: Double?
    }

    /// The subjects by name.
    public let subjects: [Subject]
    /// σ, m; nil where the data are better explained without coupling.
    public let kernelWidth: Double?
    /// What widths were tried, m, and a score of each as a logarithm against no coupling: by how much likelier the data of all
    /// are with the places found than with sources of the same subjects anywhere; where sources are reweighted, by how much
    /// likelier the sources of every subject are by those of the others. Empty where the width was given.
    public let widths: [(width: Double, score: Double)]
    /// Where positions compare, in words.
    public let space: String
    /// What the user should know, one line each.
    public let warnings: [String]
}
