import Testing

/// Python that makes a MATLAB file, and what reading it then says.
struct MATLABCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Lines behind those of ``MATLABSamples`` that make `case.mat` or `bad.mat`.
    let script: String
    /// Pieces of what is said: of notes, or of the error.
    let says: [String]

    init(_ name: String, _ script: String, _ says: String...) {
        testDescription = name
        self.script = script
        self.says = says
    }
}
