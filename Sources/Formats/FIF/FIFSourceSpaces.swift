import SourceImaging

/// The source spaces of a FIF file, in the frame of a forward model.
struct FIFSourceSpaces: Sendable {
    /// Kinds of source spaces.
    enum Kind: Int, Sendable {
        case surface = 1
        case volume = 2
        case discrete = 3
    }

    /// Kind and number of sources of each space, in the order of the file.
    private(set) var parts: [(kind: Kind, count: Int)] = []
    /// Name of the subject; empty when unknown.
    private(set) var subject = ""
    /// Frames in which the spaces are stored.
    private(set) var storedFrames: Set<Int32> = []

    /// Number of sources whose patch of cortex the file does not have.
    private(set) var strayCount = 0

    private var positions: [SIMD3<Double>] = []
    private var normals: [SIMD3<Double>] = []
    private var hemispheres: [Hemisphere] = []
    private var vertices: [Int] = []
    private var triangles: [SIMD3<Int32>] = []
    private let frame: Int32

    /// Reads the spaces of a file.
    ///
    /// - Parameters:
    ///   - frame: frame of the forward model, 4 (head) or 5 (MRI).
    ///   - transform: the transform from MRI to head coordinates; nil where the file has none.
    ///   - isFixed: whether the forward has sources of fixed orientation; those point along the normals of their points
    ///     then, else along the mean of the patch of cortex that they stand for, where the file says which that is.
    /// - Throws: ``InputError`` when parts of a space disagree, or its frame is not the forward's and cannot be made so.
    init(_ tree: FIFTree, frame: Int32, transform: FIFTransform?, isFixed: Bool) throws(InputError) {
        self.frame = frame
        for (k, block) in tree.blocks(FIFBlockKind.sourceSpace).enumerated() {
            do { try add(tree, block, transform, isFixed) } catch { throw error.within("source space \(k)") }
        }
    }

    /// The sources of all spaces.
    ///
    /// - Throws: ``InputError`` when there is none, or one lies outside of a head.
    func sources() throws(InputError) -> SourceSpace {
        let hasNormals = normals.contains { $0 != .zero }
        var sources = try SourceSpace(
            positions: positions, normals: hasNormals ? normals : nil, hemispheres: hemispheres, vertices: vertices,
            frame: frame == 4 ? .head : .mri)
        sources.triangles = triangles
        return sources
    }

    private mutating func add(
        _ tree: FIFTree, _ block: Int, _ transform: FIFTransform?, _ isFixed: Bool
    ) throws(InputError) {
        guard let type = try tree.integer(FIFKind.sourceSpaceType, in: block), let kind = Kind(rawValue: type) else {
            throw InputError("type", found: "unknown", expected: "1 (surface), 2 (volume) or 3 (discrete)")
        }
        guard let stored = try tree.integer(FIFKind.coordinateFrame, in: block) else {
            throw tree.missing(FIFKind.coordinateFrame, "coordinate frame")
        }
        guard let count = try tree.integer(FIFKind.sourcePointCount, in: block), count >= 0 else {
            throw tree.missing(FIFKind.sourcePointCount, "number of points")
        }
        guard let selection = tree.tag(FIFKind.sourceSelection, in: block) else {
            throw tree.missing(FIFKind.sourceSelection, "which points are used")
        }
        let inUse = try list(tree, selection, count)
        let used = (0..<count).filter { inUse[$0] != 0 }
        if let expected = try tree.integer(FIFKind.sourceUsedCount, in: block), expected != used.count {
            throw InputError("points", found: "\(used.count) in use", expected: "\(expected), as the file says")
        }
        let points = try vectors(tree, FIFKind.sourcePoints, block, count, "points")
        let directions = try vectors(tree, FIFKind.sourceNormals, block, count, "normals")
        var usedNormals = used.map { directions[$0] }
        if kind == .volume || kind == .discrete && !isFixed {
            // Grids have normals in the file that mean nothing, and discrete points are mostly grids.
            usedNormals = usedNormals.map { _ in .zero }
        } else if !isFixed, let tag = tree.tag(FIFKind.sourceNearest, in: block) {
            let patches = Self.patchNormals(directions, nearest: try list(tree, tag, count), used: used)
            usedNormals = patches.normals
            strayCount += patches.strays
        }
        let hemisphere: Hemisphere =
            switch (kind, try tree.integer(FIFKind.sourceSpaceID, in: block)) {
            case (.volume, _), (.discrete, _): .volume
            case (.surface, 101): .left
            case (.surface, 102): .right
            // As MNE-Python tells them: the hemisphere that lies to the left is the left one.
            case (.surface, _): points.reduce(0) { $0 + $1.x } <= 0 ? .left : .right
            }
        if kind == .surface { triangles += usedTriangles(tree, block, count, used) }
        let move = try Self.transform(from: Int32(clamping: stored), to: frame, transform)
        positions += used.map { move?.apply(points[$0]) ?? points[$0] }
        normals += usedNormals.map { move?.turn($0) ?? $0 }
        hemispheres += used.map { _ in hemisphere }
        vertices += used
        parts.append((kind, used.count))
        storedFrames.insert(Int32(clamping: stored))
        if subject.isEmpty, let name = try tree.string(FIFKind.subjectID, in: block) { subject = name }
    }

    /// The triangles between the sources that are about to be added: those of the surface that was thinned out to them, or
    /// else of the whole surface, where three sources are neighbours on it.
    ///
    /// What is malformed is no reason to refuse a file, since nothing is computed from triangles.
    private func usedTriangles(_ tree: FIFTree, _ block: Int, _ count: Int, _ used: [Int]) -> [SIMD3<Int32>] {
        guard used.count >= 3 else { return [] }
        for kind in [FIFKind.sourceUsedTriangles, FIFKind.sourceTriangles] {
            guard let tag = tree.tag(kind, in: block), let numbers = try? tree.numbers(tag),
                numbers.shape.count == 2, numbers.shape[1] == 3
            else { continue }
            var surface = SurfaceTriangles(pointCount: count, used: used, firstSource: positions.count)
            // A whole surface has hundreds of thousands, of which few may be of use.
            let piece = 3 << 14
            for start in stride(from: 0, to: numbers.count, by: piece) {
                guard let corners = try? numbers.read(start..<min(start + piece, numbers.count)) else { break }
                surface.add(corners.map { Int(exactly: $0 - 1) ?? -1 })
            }
            if !surface.triangles.isEmpty { return surface.triangles }
        }
        return []
    }

    /// The transform between two frames; nil where they are the same.
    private static func transform(
        from: Int32, to: Int32, _ transform: FIFTransform?
    ) throws(InputError) -> FIFTransform? {
        if from == to { return nil }
        guard [4, 5].contains(from), let transform else {
            throw InputError(
                "coordinate frame", found: FIFForward.name(ofFrame: from),
                expected: "\(FIFForward.name(ofFrame: to)), or a transform to it in the file")
        }
        if transform.from == from, transform.to == to { return transform }
        guard let inverse = transform.inverse, inverse.from == from, inverse.to == to else {
            throw InputError(
                "coordinate transform",
                found: "\(FIFForward.name(ofFrame: transform.from)) to \(FIFForward.name(ofFrame: transform.to))",
                expected: "MRI to head coordinates")
        }
        return inverse
    }

    /// The mean normal of each used point's patch of cortex: of all points that are nearest to it; of length one.
    ///
    /// In a file that was thinned out after the patches were found, some used points have no patch. They take that of the
    /// next point that has one, as MNE-Python does, so that the same file gives the same directions; `strays` counts them.
    static func patchNormals(
        _ normals: [SIMD3<Double>], nearest: [Double], used: [Int]
    ) -> (normals: [SIMD3<Double>], strays: Int) {
        var sums = [SIMD3<Double>](repeating: .zero, count: normals.count)
        var hasPatch = [Bool](repeating: false, count: normals.count)
        for (k, vertex) in nearest.enumerated() {
            guard let vertex = Int(exactly: vertex), sums.indices.contains(vertex) else { continue }
            sums[vertex] += normals[k]
            hasPatch[vertex] = true
        }
        guard let last = hasPatch.lastIndex(of: true) else { return (used.map { normals[$0] }, used.count) }
        var next = [Int](repeating: last, count: normals.count)
        for vertex in stride(from: last, through: 0, by: -1) {
            next[vertex] = hasPatch[vertex] ? vertex : next[vertex + 1]
        }
        let directions = used.map { vertex in
            let sum = sums[next[vertex]]
            let length = (sum * sum).sum().squareRoot()
            return length > 0 ? sum / length : normals[vertex]
        }
        return (directions, used.count { !hasPatch[$0] })
    }

    private func list(_ tree: FIFTree, _ tag: FIFTag, _ count: Int) throws(InputError) -> [Double] {
        let numbers = try tree.numbers(tag)
        guard numbers.count == count else {
            throw InputError(tree.place(tag), found: "\(numbers.count) numbers", expected: "\(count), one a point")
        }
        return try numbers.read()
    }

    private func vectors(
        _ tree: FIFTree, _ kind: Int32, _ block: Int, _ count: Int, _ what: String
    ) throws(InputError) -> [SIMD3<Double>] {
        guard let tag = tree.tag(kind, in: block) else { throw tree.missing(kind, what) }
        let numbers = try tree.numbers(tag)
        guard numbers.shape == [count, 3] else {
            throw InputError(
                tree.place(tag), found: sizes(numbers.shape) + " numbers", expected: "\(count) × 3")
        }
        return Formats.vectors(rowMajor: try numbers.read())
    }
}
