import Foci
import Foundation

/// The files that make a folder of results a derivative of BIDS.
enum DerivativeFiles {
    /// What the validator is not to look at: BIDS has no names for source estimates.
    static let ignored = ["*.html", "logs", "group", "code", ".foci", "**/*_mxne", "**/*.partial-*"]

    private struct Description: Encodable {
        let Name = "Foci: sources of EEG and MEG"
        let BIDSVersion = "1.9.0"
        let DatasetType = "derivative"
        let GeneratedBy: [Generator]
        let SourceDatasets: [Source]
    }

    private struct Generator: Encodable {
        let Name = "foci"
        let Version: String
        let Description = "Sparse source localization with automatic choice of its regularization"
    }

    private struct Source: Encodable {
        let URL: String
    }

    /// Writes them where they are missing or different.
    ///
    /// - Parameters:
    ///   - source: folder of the data.
    ///   - conditions: the condition of each label, added to those that are there.
    ///   - settings: the settings of the run, as a YAML file would have them.
    /// - Throws: ``InputError`` when one cannot be written.
    static func write(
        to folder: BatchFolder, source: String, conditions: [String: String], settings: String
    ) throws(InputError) {
        let absolute = URL(fileURLWithPath: source).standardizedFileURL.path
        let description = Description(
            GeneratedBy: [Generator(Version: fociVersion)], SourceDatasets: [Source(URL: "file://\(absolute)")])
        let json = (try? JSON.text(description, isIndented: true)) ?? "{}"
        try put(json + "\n", at: folder.place("dataset_description.json"))
        try put(readme, at: folder.place("README"))
        try put(ignored.map { $0 + "\n" }.joined(), at: folder.place(".bidsignore"))
        try writeDescriptions(conditions, to: folder)
        try folder.make("code")
        try put(settings, at: folder.place("code/settings.yaml"))
    }

    /// The table of labels, `descriptions.tsv`; rows that are there stay.
    static func writeDescriptions(_ conditions: [String: String], to folder: BatchFolder) throws(InputError) {
        var rows = conditions
        if let data = FileManager.default.contents(atPath: folder.place("descriptions.tsv")) {
            for line in String(decoding: data, as: UTF8.self).split(separator: "\n").dropFirst() {
                let cells = line.split(separator: "\t", maxSplits: 1)
                guard cells.count == 2, cells[0].hasPrefix("desc-") else { continue }
                let label = String(cells[0].dropFirst(5))
                if rows[label] == nil { rows[label] = String(cells[1]) }
            }
        }
        let lines = rows.sorted { $0.key < $1.key }.map { label, meaning in
            "desc-\(label)\t\(meaning.replacing("\t", with: " ").replacing("\n", with: " "))\n"
        }
        try put("desc_id\tdescription\n" + lines.joined(), at: folder.place("descriptions.tsv"))
        let meaning = """
            {
              "desc_id": {"Description": "label of a condition, as in names of files"},
              "description": {"Description": "the condition as the recording calls it"}
            }

            """
        try put(meaning, at: folder.place("descriptions.json"))
    }

    /// Writes a text file unless it holds that text.
    static func put(_ text: String, at path: String) throws(InputError) {
        let bytes = Array(text.utf8)
        if let data = FileManager.default.contents(atPath: path), data.elementsEqual(bytes) { return }
        try AtomicFile.write(bytes, to: path)
    }

    private static let readme = """
        Sources of EEG and MEG recordings, estimated by foci \(fociVersion).

        sub-*/[ses-*/]{meg,eeg}/*_desc-LABEL_mxne/   one folder a recording and condition:
            sources.svg, timecourses.svg, sensors.svg, selection.svg   figures; spectrograms.svg with --method tf
            sources.tsv, sources.json                 a row a source; what the columns mean, settings, input files
            regions.tsv, selection.tsv                where each source may lie; everything that was tried
            estimate.h5, *-stc.h5                     the same for programs; for mne.read_source_estimate
        sub-*.html      one page a subject: open it in a browser
        group.html      all subjects together; group/ holds its tables
        descriptions.tsv    which condition a label stands for
        code/settings.yaml  the settings of the last run
        logs/           one file a unit of work
        .foci/          what is done, by whom and of what: 'foci batch status' tells it

        """
}

/// The sidecar of a table of sources: what its columns mean, and what it was made of.
struct SourcesSidecar: Encodable {
    struct Column: Encodable {
        let Description: String
        let Units: String?
    }

    /// Keys are names of columns, and some of the sidecar's own.
    private struct Key: CodingKey {
        let stringValue: String
        let intValue: Int? = nil
        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    let estimate: Estimate
    let inputs: [InputStamp]
    let arguments: [String]

    /// An input without the time of the file, which says nothing of its content.
    private struct Input: Encodable {
        let path: String
        let sha256: String?
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        let place = [
            ("rank", "place among the sources, the one that explains most field first", nil),
            ("index", "source of the forward model, from 0", nil),
            ("x_mm", "position", "mm"), ("y_mm", "position", "mm"), ("z_mm", "position", "mm"),
            ("frame", "coordinate frame of positions", nil), ("hemisphere", "left, right or volume", nil),
            ("vertex", "vertex of the surface", nil),
        ]
        for (name, meaning, unit) in place {
            try container.encode(Column(Description: meaning, Units: unit), forKey: Key(name))
        }
        for column in SourceColumn.all where estimate.has(column) {
            let unit = column.unit.isEmpty ? nil : column.table.factor == 1 ? column.unit : Self.unit(column)
            try container.encode(Column(Description: column.meaning, Units: unit), forKey: Key(column.table.name))
        }
        try container.encode(estimate.condition, forKey: Key("Condition"))
        try container.encode(estimate.subject, forKey: Key("ForwardSubject"))
        try container.encode(inputs.map { Input(path: $0.path, sha256: $0.sha256) }, forKey: Key("Sources"))
        try container.encode(
            Dictionary(estimate.settings.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 }), forKey: Key("Settings")
        )
        try container.encode(arguments, forKey: Key("Arguments"))
        try container.encode(["foci": fociVersion], forKey: Key("Versions"))
        try container.encode(estimate.warnings, forKey: Key("Warnings"))
    }

    /// The unit that the end of a column's name says.
    private static func unit(_ column: SourceColumn) -> String? {
        let units = ["_nAm": "nA·m", "_mm": "mm", "_cm3": "cm³", "_percent": "%", "_s": "s", "_ms": "ms"]
        return units.first { column.table.name.hasSuffix($0.key) }?.value
    }
}
