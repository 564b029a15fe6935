/// Places around some sources of a space and midway between them, and patches of more extents there.
///
/// An exchange over a whole space finds which of its sources and patches explain the data; where the truth lies between two
/// sources, or is wider or narrower than a patch, its place is off by the distance of sources or more. Few candidates more,
/// near what was found, are what an exchange over a finer space would end at.
struct FinePlaces: Sendable {
    /// Extents, m; 0 is a point, and those of ``Patches`` are among them.
    static let extents = [0, 0.004, 0.005, 0.0065, 0.008, 0.010]
    /// How far from what was found candidates lie, and how far sources are from those they are joined with, m.
    private static let reach = 0.012
    /// A source is joined with this many nearest ones.
    private static let neighbours = 6
    /// The cosine of two fields from which on that of a point midway is taken for their mean: between the banks of a sulcus it
    /// is not. Patches are made of sources, wherever their centre is.
    private static let likeness = 0.5

    /// Where each candidate is, m.
    let centres: [SIMD3<Double>]
    /// A source of the space next to it.
    let nearest: [Int]
    /// One an extent, a block a candidate, over ``columns``.
    let families: [AtomFamily]
    /// The columns of the gain around them, ascending: all of a source or none.
    let columns: [Int]
    /// Where each column of the gain is in it; −1 where it is not.
    private let order: [Int]
    /// The candidates that sources of the space are.
    private let candidates: [Int: Int]

    /// Places around sources of a space; none around none.
    ///
    /// - Parameters:
    ///   - found: the sources.
    ///   - shapes: over the space.
    ///   - design: the gain as the sensors see it, whitened.
    /// - Complexity: O(candidates · (neighbours + sensors)), some hundred candidates a source.
    init(around found: [Int], _ shapes: PatchShapes, _ design: Design) {
        let positions = shapes.sources.positions
        func around(_ j: Int) -> [(index: Int, distance: Double)] {
            shapes.visible(within: Self.reach, of: positions[j], beside: j)
        }
        /// A source, or half of both where their fields are alike.
        func point(_ i: Int, _ j: Int) -> [PatchShapes.Part] {
            if i == j { return [(i, 1)] }
            let (own, other) = (shapes.field([(i, 1)], along: i, design), shapes.field([(j, 1)], along: i, design))
            let product = zip(own.elements, other.elements).reduce(0) { $0 + $1.0 * $1.1 }
            let isAlike = product > Self.likeness * (own.squaredNorm * other.squaredNorm).squareRoot()
            return isAlike ? [(i, 0.5), (j, 0.5)] : []
        }
        let near = Set(found.flatMap { [$0] + around($0).map(\.index) }).sorted()
        var ends: [(Int, Int)] = near.map { ($0, $0) }
        candidates = Dictionary(uniqueKeysWithValues: zip(near, ends.indices))
        var pairs = Set<[Int]>()
        for j in near {
            let others = around(j).filter { $0.distance > 0 }.sorted {
                ($0.distance, $0.index) < ($1.distance, $1.index)
            }
            for other in others.prefix(Self.neighbours)
            where pairs.insert([min(j, other.index), max(j, other.index)]).inserted {
                ends.append((j, other.index))
            }
        }
        let centres = ends.map { $0 == $1 ? positions[$0] : 0.5 * (positions[$0] + positions[$1]) }
        let surroundings = Set(centres.flatMap { shapes.visible(within: PatchShapes.furthest, of: $0).map(\.index) })
        let columns = surroundings.sorted().flatMap(shapes.blocks.columns)
        var order = [Int](repeating: -1, count: shapes.blocks.columnCount)
        for (place, column) in columns.enumerated() { order[column] = place }
        let widest = Self.extents.max() ?? 0
        let members = zip(ends, centres).map { shapes.surroundings(of: $1, beside: $0.0, upTo: widest) }
        let blocks = BlockStructure(sizes: ends.map { shapes.blocks.columns(of: $0.0).count })
        families = Self.extents.map { extent in
            AtomFamily(blocks: blocks) { candidate in
                let (first, second) = ends[candidate]
                let parts = extent > 0 ? PatchShapes.patch(extent, of: members[candidate]) : point(first, second)
                return shapes.columns(parts, along: first).map { column in
                    column.compactMap { order[$0.row] < 0 ? nil : (order[$0.row], $0.weight) }
                }
            }
        }
        self.centres = centres
        (self.columns, self.order) = (columns, order)
        nearest = ends.map(\.0)
    }

    /// The candidates that some atoms of ``Patches`` around the same sources are.
    func atoms(_ atoms: [AtomDictionary.Atom]) -> [AtomDictionary.Atom] {
        atoms.map { atom in
            AtomDictionary.Atom(
                family: Self.extents.firstIndex(of: Patches.extents[atom.family]) ?? 0,
                block: candidates[atom.block] ?? 0, direction: atom.direction, turns: atom.turns)
        }
    }

    /// The atom of ``Patches`` that is most like a candidate.
    func patch(_ atom: AtomDictionary.Atom) -> AtomDictionary.Atom {
        let extent = Self.extents[atom.family]
        let family = Patches.extents.indices.min {
            abs(Patches.extents[$0] - extent) < abs(Patches.extents[$1] - extent)
        }
        return AtomDictionary.Atom(
            family: family ?? 0, block: nearest[atom.block], direction: atom.direction,
            turns: atom.turns)
    }

    /// A source of the space for each of some candidates, no two the same: the one next to it, or the nearest that is left.
    func owners(_ atoms: [AtomDictionary.Atom], _ shapes: PatchShapes) -> [Int] {
        let (positions, blocks) = (shapes.sources.positions, shapes.blocks)
        var taken = Set<Int>()
        return atoms.map { atom in
            var owner = nearest[atom.block]
            if taken.contains(owner) {
                let (centre, width) = (centres[atom.block], blocks.columns(of: owner).count)
                owner =
                    positions.indices.filter { !taken.contains($0) && blocks.columns(of: $0).count == width }
                    .min { positions[$0].distance(to: centre) < positions[$1].distance(to: centre) } ?? owner
            }
            taken.insert(owner)
            return owner
        }
    }

    /// Where the columns of some block of the gain around them are in ``columns``.
    func columns(of block: Int, in blocks: BlockStructure) -> Range<Int>? {
        let own = blocks.columns(of: block)
        let first = order[own.lowerBound]
        return first < 0 ? nil : first..<(first + own.count)
    }

    /// Candidates as blocks of the gain, as many and all different: nothing at all other blocks.
    func family(_ atoms: [AtomDictionary.Atom], as owners: [Int], of blocks: BlockStructure) -> AtomFamily {
        var parts: [Int: AtomFamily.Column] = [:]
        for (atom, owner) in zip(atoms, owners) {
            let family = families[atom.family]
            for (own, column) in zip(blocks.columns(of: owner), family.blocks.columns(of: atom.block)) {
                parts[own] = family.column(column).map { (columns[$0.row], $0.weight) }
            }
        }
        return AtomFamily(blocks: blocks) { blocks.columns(of: $0).map { parts[$0] ?? [] } }
    }
}
