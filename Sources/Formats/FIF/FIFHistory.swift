import SourceImaging

/// What a FIF file says of how its data came about.
extension FIFTree {
    /// The transform to head coordinates, the subject and the Maxwell filter of a recording.
    ///
    /// - Parameter info: the block of the measurement info.
    /// - Throws: ``InputError`` when a tag is damaged.
    func acquisition(of info: Int) throws(InputError) -> Acquisition {
        var acquisition = Acquisition()
        acquisition.sensorFrame = FIFChannels.sensorFrame
        acquisition.take(deviceToHead: try transforms(in: info))
        acquisition.maxwellRank = try maxwellRank()
        for block in blocks(FIFBlockKind.subject) where acquisition.subject.isEmpty {
            acquisition.subject = try string(FIFKind.subjectID, in: block) ?? ""
        }
        return acquisition
    }

    /// Independent components of MEG that a Maxwell filter left, counted as MNE-Python does; nil where none was applied.
    ///
    /// Of several records the first with an expansion counts: MaxFilter 3 writes an empty one before it.
    ///
    /// - Throws: ``InputError`` when order and components make no sense.
    private func maxwellRank() throws(InputError) -> Int? {
        guard let history = blocks(FIFBlockKind.processingHistory).first else { return nil }
        for record in blocks(FIFBlockKind.processingRecord, in: history) {
            guard let expansion = blocks(FIFBlockKind.maxwellExpansion, in: record).first,
                let order = try integer(FIFKind.insideOrder, in: expansion)
            else { continue }
            guard (1...32).contains(order) else {
                throw InputError("Maxwell filter", found: "order \(order) of the expansion", expected: "1 to 32")
            }
            let all = (order + 1) * (order + 1) - 1
            var rank = all
            if let tag = tag(FIFKind.components, in: expansion) {
                let numbers = try numbers(tag)
                let used = try numbers.read(0..<min(all, numbers.count))
                guard used.allSatisfy({ $0 == 0 || $0 == 1 }) else {
                    throw InputError(place(tag), found: "components other than 0 and 1", expected: "1 for each in use")
                }
                rank -= used.count { $0 == 0 }
            } else if let free = try integer(FIFKind.freeComponents, in: expansion) {
                rank = free
            }
            guard (1...all).contains(rank) else {
                throw InputError(
                    "Maxwell filter", found: "\(rank) components of an expansion of order \(order)",
                    expected: "1 to \(all)")
            }
            return rank
        }
        return nil
    }
}

extension Acquisition {
    /// Takes the transform from device to head coordinates out of those of a file; one that does not turn is noted.
    mutating func take(deviceToHead transforms: [FIFTransform]) {
        // The last one counts, as in MNE-Python; it may be stored the other way round.
        guard let stored = transforms.last(where: { Set([$0.from, $0.to]) == [1, 4] }) else { return }
        let transform = stored.from == 1 ? stored : stored.inverse
        deviceToHead = transform.flatMap { try? RigidTransform(rotation: $0.rotation, translation: $0.translation) }
        if deviceToHead == nil {
            notes.append("the transform from device to head coordinates in the file is no rotation and was left out")
        }
    }
}
