import SourceImaging

extension FieldTripFile {
    func forward(_ options: ReadingOptions) throws(InputError) -> Forward {
        guard let variable = leadfields.first else { throw lacks(.forward) }
        guard leadfields.count == 1 else {
            throw InputError(
                path, found: "lead fields in \(leadfields.map { "'\($0)'" }.joined(separator: ", "))",
                expected: "one", advice: "save them in files of their own")
        }
        if let normalized = try file.text("\(variable)/cfg/normalize"), normalized == "yes" || normalized == "column" {
            throw file.error(
                variable, found: "normalized lead fields", expected: "lead fields in units",
                advice: "compute them with cfg.normalize = 'no'; depth is weighted by \(.depth)")
        }
        let frame = try frame(variable)
        let length = try lengthFactor(variable)
        let (channels, moment) = try units(variable, positionsInMetres: length == 1)
        let positions = try file.vectors("\(variable)/pos")
        let cells = try file.cells("\(variable)/leadfield")
        guard cells.count == positions.count else {
            throw file.error(
                "\(variable)/leadfield", found: "\(cells.count) cells", expected: "\(positions.count), one a position")
        }
        let inside = try insideFlags(variable, count: cells.count)
        let (gain, columns, kept) = try gain(variable, cells, inside, channels, moment: moment)
        let normals = try normals(variable, count: cells.count).map { all in kept.map { all[$0] } }
        return try within(path) { () throws(InputError) in
            var forward = try Forward(
                gain: gain, orientations: columns, sensors: channels.sensors,
                sources: SourceSpace(
                    positions: kept.map { positions[$0] * length }, normals: normals, vertices: kept, frame: frame))
            forward.acquisition.sensorFrame = try sensorFrame(variable)
            return forward
        }
    }

    /// The lead fields side by side in SI units, their columns a position, and the positions that have one.
    private func gain(
        _ variable: String, _ cells: [String], _ inside: [Bool]?, _ channels: FieldTripChannels, moment: Double
    ) throws(InputError) -> (gain: Matrix, columns: Int, kept: [Int]) {
        let place = "\(variable)/leadfield"
        var elements: [Double] = []
        var kept: [Int] = []
        var columns = 0
        var seen: Set<String> = []
        for (j, cell) in cells.enumerated() where inside?[j] ?? true {
            let (size, values) = try file.cell(cell)
            if values.isEmpty {
                guard inside == nil else {
                    throw file.error(
                        place, found: "an empty cell at position \(j + 1), which is inside",
                        expected: "a lead field for each position inside")
                }
                continue
            }
            // Only empty cells are shared; a small file could otherwise ask for any amount of memory.
            guard seen.insert(cell).inserted else {
                throw file.error(
                    place, found: "the cell at position \(j + 1) is that of another position",
                    expected: "a lead field of its own for each")
            }
            if kept.isEmpty {
                columns = size.last ?? 0
                guard columns == 3 || columns == 1 else {
                    throw file.error(
                        place, found: "\(columns) columns a position", expected: "3, or 1 with fixed moments",
                        advice: "compute them with cfg.reducerank = 'no' or cfg.backproject = 'yes'")
                }
            }
            guard size == [channels.total, columns] else {
                throw file.error(
                    place, found: "\(sizes(size)) at position \(j + 1)",
                    expected: "\(channels.total) × \(columns), channels × orientations")
            }
            if kept.isEmpty {
                let (most, overflow) = (inside?.count { $0 } ?? cells.count)
                    .multipliedReportingOverflow(by: columns * channels.rows.count)
                // No more than the file can hold without being packed: counts alone are no reason to take memory.
                elements.reserveCapacity(min(overflow ? .max : most, file.byteCount / 4))
            }
            kept.append(j)
            for column in 0..<columns {
                for (row, channel) in channels.rows.enumerated() {
                    elements.append(values[column * channels.total + channel] * (channels.factors[row] / moment))
                }
            }
        }
        guard !kept.isEmpty else {
            throw file.error(place, found: "no lead field in any cell", expected: "at least one")
        }
        return (
            Matrix(rows: channels.rows.count, columns: kept.count * columns, elements: elements), columns, kept
        )
    }

    /// Channels with their units, and the unit of dipole moments in A·m.
    ///
    /// Units that were asked for (`chanunit`, `dipoleunit`) hold; without them lead fields are in SI units exactly when
    /// the geometry is in metres.
    private func units(
        _ variable: String, positionsInMetres: Bool
    ) throws(InputError) -> (channels: FieldTripChannels, moment: Double) {
        var text = try file.text("\(variable)/dipoleunit")
        if text == nil { text = try file.text("\(variable)/cfg/dipoleunit") }
        if let text, text != "unknown", !text.isEmpty {
            guard let moment = MATLABUnit.moment(text) else {
                throw file.error("\(variable)/dipoleunit", found: "'\(text)'", expected: "A*m or nA*m")
            }
            return (try FieldTripChannels(file, variable, .stated), moment)
        }
        guard positionsInMetres else {
            throw file.error(
                variable, found: "no unit of the lead fields", expected: "fields 'chanunit' and 'dipoleunit'",
                advice: "set \(variable).dipoleunit = 'nA*m' and \(variable).chanunit to what they are in, "
                    + "or compute them with all geometry in metres (ft_convert_units)")
        }
        return (try FieldTripChannels(file, variable, .metres), 1)
    }

    private func lengthFactor(_ variable: String) throws(InputError) -> Double {
        guard let unit = try file.text("\(variable)/unit"), !unit.isEmpty else {
            throw file.error(
                "\(variable)/unit", found: "no unit of the positions", expected: "'m', 'cm' or 'mm'",
                advice: "set \(variable).unit and save again")
        }
        guard let factor = MATLABUnit.length(unit) else {
            throw file.error("\(variable)/unit", found: "'\(unit)'", expected: "'m', 'cm' or 'mm'")
        }
        return factor
    }

    /// Name of the coordinate system; nil where nothing says it.
    func coordinateSystem(_ variable: String) throws(InputError) -> String? {
        for part in ["", "/cfg/headmodel", "/cfg/grad", "/cfg/elec", "/grad", "/elec"] {
            if let system = try file.text("\(variable)\(part)/coordsys"), !system.isEmpty, system != "unknown" {
                return system.lowercased()
            }
        }
        return nil
    }

    /// What positions of sensors are relative to, as far as another file of this kind is concerned.
    func sensorFrame(_ variable: String) throws(InputError) -> String {
        "FieldTrip " + (try coordinateSystem(variable) ?? "")
    }

    private func frame(_ variable: String) throws(InputError) -> CoordinateFrame {
        let choices = "'neuromag', 'ctf', 'bti', '4d', 'acpc', 'mni', 'spm' or 'scanras'"
        switch try coordinateSystem(variable) {
        case "neuromag": return .head
        case "ctf", "bti", "4d": return .ctf
        case "acpc", "mni", "spm", "tal", "scanras", "ras", "fsaverage": return .mri
        case let other?:
            throw file.error("\(variable)/coordsys", found: "'\(other)'", expected: choices)
        case nil:
            throw file.error(
                "\(variable)/coordsys", found: "no coordinate system", expected: choices,
                advice: "set \(variable).coordsys and save again")
        }
    }

    /// Whether each position is inside the brain: a flag each, or in old files the numbers of those that are.
    private func insideFlags(_ variable: String, count: Int) throws(InputError) -> [Bool]? {
        let place = "\(variable)/inside"
        guard try !file.isEmpty(place) else { return nil }
        let values = try file.array(place).elements
        let isList = try file.className(of: place) == "double" && values.contains { $0 != 0 && $0 != 1 }
        if !isList {
            guard values.count == count else {
                throw file.error(place, found: "\(values.count) values", expected: "\(count), one a position")
            }
            return values.map { $0 != 0 }
        }
        var flags = [Bool](repeating: false, count: count)
        for value in values {
            guard let number = Int(exactly: value), number >= 1, number <= count else {
                throw file.error(place, found: "\(value)", expected: "numbers of positions, 1 to \(count)")
            }
            flags[number - 1] = true
        }
        return flags
    }

    /// Directions of fixed moments, where they are given: 3 × positions.
    private func normals(_ variable: String, count: Int) throws(InputError) -> [SIMD3<Double>]? {
        let place = "\(variable)/mom"
        guard try !file.isEmpty(place) else { return nil }
        let (size, values) = try file.array(place)
        guard size == [3, count] else {
            throw file.error(place, found: sizes(size), expected: "3 × \(count)")
        }
        return vectors(rowMajor: values)
    }
}
