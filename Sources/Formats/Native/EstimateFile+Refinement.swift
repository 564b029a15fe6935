import HDF5
import SourceImaging

extension EstimateFile {
    static func write(_ refinement: Refinement, _ writer: borrowing HDF5Writer) throws(HDF5Error) {
        let group = "refinement"
        try writer.attribute("charge", of: group, refinement.charge.value)
        try writer.attribute("stretches", of: group, refinement.charge.stretches)
        try writer.attribute("length", of: group, refinement.charge.length)
        try writer.attribute("settled", of: group, refinement.isSettled ? 1 : 0)
        try writer.attribute("looks", of: group, refinement.looks)
        try writer.dataset("refinement/objectives", refinement.objectives, shape: [refinement.objectives.count])
    }

    static func refinement(_ reader: borrowing NativeReader) throws(InputError) -> Refinement {
        let group = "refinement"
        func count(_ name: String) throws(InputError) -> Int {
            try reader.required(try reader.integer(name, of: group), name, of: group, "a whole number")
        }
        return Refinement(
            charge: NoiseCharge(
                value: try reader.required(try reader.double("charge", of: group), "charge", of: group, "a number"),
                stretches: try count("stretches"), length: try count("length")),
            objectives: try reader.doubles("refinement/objectives", "a start"),
            isSettled: try count("settled") != 0, looks: try count("looks"))
    }
}
