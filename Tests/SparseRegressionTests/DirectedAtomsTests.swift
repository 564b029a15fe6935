import LinearAlgebra
import Testing

@testable import SparseRegression

/// Atoms that are one combination of their columns, against refitting and eigenvalues.
@Suite struct DirectedAtomsTests {
    typealias Atom = AtomDictionary.Atom

    /// A small problem of blocks of several widths, and blocks mixed with their neighbours.
    struct World {
        let dictionary: AtomDictionary
        let response: Matrix
        /// Sources of one direction each.
        static let truth = [1, 5]

        init(seed: UInt64, widths: [Int], noise: Double = 0.5, ridge: Double = 0.05) {
            var random = SeededGenerator(seed: seed)
            let blocks = BlockStructure(sizes: widths)
            let design = random.normal(rows: 14, columns: blocks.columnCount)
            dictionary = AtomDictionary(
                design: Design(design),
                families: [
                    .identity(blocks),
                    AtomFamily(blocks: blocks) { block in
                        blocks.columns(of: block).map { [($0, 0.7), (($0 + 3) % blocks.columnCount, 0.3)] }
                    },
                ], ridge: ridge, keepsDirections: true)
            var amplitudes = Matrix(rows: blocks.columnCount, columns: 5)
            for block in Self.truth {
                let course = (0..<5).map { _ in random.normal() }
                for column in blocks.columns(of: block) {
                    let part = random.normal()
                    for t in 0..<5 { amplitudes[column, t] = part * course[t] }
                }
            }
            response = design * amplitudes + random.normal(rows: 14, columns: 5) * noise
        }

        init(dictionary: AtomDictionary, response: Matrix) {
            (self.dictionary, self.response) = (dictionary, response)
        }

        var atoms: [Atom] {
            dictionary.families.indices.flatMap { f in
                (0..<dictionary.families[f].blocks.count).map { Atom(family: f, block: $0) }
            }
        }

        /// An atom along some direction of norm 1.
        func turned(_ atom: Atom, _ random: inout SeededGenerator) -> Atom {
            let width = dictionary.families[atom.family].blocks.columns(of: atom.block).count
            guard width > 1 else { return atom }
            let u = (0..<width).map { _ in random.normal() }
            let norm = u.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return Atom(family: atom.family, block: atom.block, direction: u.map { $0 / norm })
        }

        /// min ‖Y − fit‖² + ridge of atoms along their directions, from the normal equations of explicit columns.
        func residual(_ subset: [Atom]) throws -> Double {
            try ridgeResidual(
                response,
                subset.map { atom in
                    let own = dictionary.families[atom.family].columns(of: atom.block, in: dictionary.design)
                    let u = atom.direction
                    return (
                        u.isEmpty ? own : own * Matrix(rows: u.count, columns: 1, elements: u),
                        dictionary.ridge * largestSquare(own)
                    )
                })
        }
    }

    @Test(
        "scores are those of refitting along the direction found, and no other direction has a larger one",
        arguments: [[3, 3, 3, 3, 3, 3, 3], [2, 1, 3, 1, 2, 3, 1], [2, 2, 2, 2, 2, 2, 2]], [UInt64(1), 2])
    func scores(_ widths: [Int], _ seed: UInt64) throws {
        let world = World(seed: seed, widths: widths)
        let power = world.dictionary.power(of: world.response)
        let total = world.response.squaredNorm
        var random = SeededGenerator(seed: seed + 7)
        let scores = AtomScores(beside: SubsetFit(to: power), of: power, in: world.dictionary)
        // Atoms join, leave, turn and are exchanged; a block given without a direction gets the best one alone.
        let (four, one) = (
            world.turned(Atom(family: 0, block: 4), &random), world.turned(Atom(family: 1, block: 1), &random)
        )
        let walk = [
            [], [four], [four, one], [four, world.turned(one, &random)],
            [world.turned(Atom(family: 0, block: 6), &random)],
        ]
        for subset in walk {
            let fit = try #require(SubsetFit(subset, to: power, in: world.dictionary, after: scores.fit))
            scores.move(to: fit)
            let here = try world.residual(subset)
            #expect(abs(total - fit.explained - here) < 1e-10 * total)
            /// The best of all atoms along 200 directions each.
            func best(beside others: [Atom]) throws -> Double {
                let base = try world.residual(others)
                var best = 0.0
                for atom in world.atoms where !others.contains(where: { $0.block == atom.block }) {
                    for _ in 0..<200 {
                        best = max(best, base - (try world.residual(others + [world.turned(atom, &random)])))
                    }
                }
                return best
            }
            func check(_ scored: (atom: Atom, score: Double)?, beside others: [Atom]) throws {
                let found = try #require(scored)
                let refitted = try world.residual(others) - world.residual(others + [found.atom])
                #expect(abs(found.score - refitted) < 1e-9 * total)
                let sampled = try best(beside: others)
                #expect(found.score > sampled - 1e-9 * total && found.score < 1.15 * sampled)
            }
            try check(scores.addition, beside: subset)
            for i in subset.indices {
                var others = subset
                others.remove(at: i)
                #expect(abs(fit.dropCosts[i] - (try world.residual(others) - here)) < 1e-10 * total)
                try check(scores.exchanges[i], beside: others)
            }
        }
        // The first fit and the last are of other atoms by more than one move.
        #expect(scores.rebuilds <= 2)
        let alone = try #require(
            SubsetFit([Atom(family: 0, block: 5)], to: power, in: world.dictionary, after: scores.fit))
        let largest = world.dictionary.profiles(of: [], in: world.dictionary, as: [], power)
        #expect(largest == [] && alone.atoms[0].direction.isEmpty == (widths[5] == 1))
        for _ in 0..<200 {
            let other = try world.residual([world.turned(Atom(family: 0, block: 5), &random)])
            #expect(total - alone.explained <= other + 1e-10 * total)
        }
    }

    @Test("the end is a local minimum but for a hundredth of a charge, and a start only helps")
    func minima() throws {
        for seed in 0..<10 as Range<UInt64> {
            let world = World(seed: 40 + seed, widths: [3, 3, 3, 1, 3, 3, 2, 3], noise: 0.2)
            let total = world.response.squaredNorm
            let charge = 0.08 * total
            let selection = SubsetSelection(charge: charge)
            let found = try selection.run(world.dictionary, response: world.response)
            let reached = try world.residual(found.atoms) + charge * Double(found.atoms.count)
            #expect(found.isSettled && abs(found.objective - reached) < 1e-9 * total)
            #expect(found.coefficients.columns == found.atoms.count)
            var random = SeededGenerator(seed: seed)
            for i in found.atoms.indices {
                var others = found.atoms
                others.remove(at: i)
                #expect(try world.residual(others) + charge * Double(others.count) >= reached - 1e-8 * total)
                for atom in world.atoms where !others.contains(where: { $0.block == atom.block }) {
                    for _ in 0..<30 {
                        let other = try world.residual(others + [world.turned(atom, &random)])
                        #expect(other + charge * Double(found.atoms.count) >= reached - 0.011 * charge)
                    }
                }
            }
            let helped = try selection.run(
                world.dictionary, response: world.response, starts: [World.truth.map { Atom(family: 0, block: $0) }])
            #expect(helped.objective <= found.objective + 1e-9 * total)
        }
    }

    @Test("without noise the sources that made the data are found, each along its direction")
    func exact() throws {
        for seed in 0..<10 as Range<UInt64> {
            let world = World(seed: 40 + seed, widths: [3, 3, 3, 1, 3, 3, 2, 3], noise: 0, ridge: 1e-9)
            let total = world.response.squaredNorm
            let found = try SubsetSelection(charge: 1e-3 * total).run(
                world.dictionary, response: world.response, starts: [World.truth.map { Atom(family: 0, block: $0) }])
            #expect(found.atoms.map(\.block) == World.truth && found.atoms.allSatisfy { $0.family == 0 })
            #expect(try world.residual(found.atoms) < 1e-3 * total)
        }
    }

    @Test("an atom turns where all its columns are worth more than one direction and what turning costs")
    func turning() throws {
        for seed in 0..<6 as Range<UInt64> {
            let world = World(seed: 60 + seed, widths: [3, 3, 3, 1, 3, 3, 2, 3], noise: 0.1)
            var random = SeededGenerator(seed: seed)
            let six = Atom(family: 0, block: 5, turns: true)
            let field = world.dictionary.columns(six) * random.normal(rows: 3, columns: 5) * 3
            let response = world.response + field
            let total = response.squaredNorm
            var dictionary = world.dictionary
            let charge = 0.03 * total
            let changed = World(dictionary: dictionary, response: response)
            var counts: [Int] = []
            for turning in [0.02 * total, .infinity] {
                dictionary.turning = turning
                let found = try SubsetSelection(charge: charge).run(dictionary, response: response)
                let turned = found.atoms.filter(\.turns)
                counts.append(turned.count)
                #expect(turned.allSatisfy { $0.direction.isEmpty })
                let reached =
                    try changed.residual(found.atoms) + charge * Double(found.atoms.count)
                    + (turned.isEmpty ? 0 : turning * Double(turned.count))
                #expect(found.isSettled && abs(found.objective - reached) < 1e-9 * total)
                #expect(
                    found.coefficients.columns
                        == found.atoms.reduce(0) { $0 + ($1.turns ? dictionary.columns($1).columns : 1) })
                // Neither turning nor keeping a direction would be better where the other was chosen.
                for (i, atom) in found.atoms.enumerated()
                where dictionary.columns(Atom(family: atom.family, block: atom.block)).columns > 1
                    && turning < .infinity
                {
                    var others = found.atoms
                    others.remove(at: i)
                    let other =
                        atom.turns
                        ? changed.turned(atom, &random) : Atom(family: atom.family, block: atom.block, turns: true)
                    let cost = turning * Double((others + [other]).filter(\.turns).count)
                    let value = try changed.residual(others + [other]) + charge * Double(found.atoms.count) + cost
                    #expect(value >= reached - 0.011 * charge)
                }
            }
            #expect(counts[0] > 0 && counts[1] == 0)
        }
    }

    @Test("more waveforms explain no less than one, and noise explains less by one direction than by three")
    func handicap() throws {
        let world = World(seed: 3, widths: [3, 3, 3, 3, 3, 3, 3])
        let turning = AtomDictionary(design: world.dictionary.design, families: world.dictionary.families)
        var random = SeededGenerator(seed: 9)
        let noise = (0..<6).map { _ in random.normal(rows: 14, columns: 5) }
        for (one, three) in zip(world.dictionary.largestScores(of: noise), turning.largestScores(of: noise)) {
            #expect(one < three && 3 * one > three)
        }
    }

    @Test("the largest eigenvalue of four pencils at once is that of LAPACK, also where eigenvalues coincide")
    func eigenvalues() throws {
        typealias Lanes = AtomTiles.Lanes
        var random = SeededGenerator(seed: 5)
        for w in 1...3 {
            for round in 0..<60 {
                var (grams, squares): ([Matrix], [Matrix]) = ([], [])
                for lane in 0..<Lanes.scalarCount {
                    let (a, b) = (
                        random.normal(rows: 6, columns: w), random.normal(rows: max(1, round % 5), columns: w)
                    )
                    let gram = Matrix.product(a, transposed: true, a)
                    grams.append(gram)
                    switch (round + lane) % 6 {
                    case 0: squares.append(gram * 3)
                    case 1: squares.append(Matrix(rows: w, columns: w))
                    default: squares.append(Matrix.product(b, transposed: true, b))
                    }
                }
                var scratch = [Lanes](repeating: .zero, count: 2 * w * w)
                for a in 0..<w {
                    for b in 0...a {
                        for lane in 0..<Lanes.scalarCount {
                            scratch[a + b * w][lane] = grams[lane][a, b]
                            scratch[w * w + a + b * w][lane] = squares[lane][a, b]
                        }
                    }
                }
                var copy = scratch
                let found = scratch.withUnsafeMutableBufferPointer {
                    Remainders.strongest(w, $0.baseAddress!, above: -.infinity, .infinity)
                }
                for lane in 0..<Lanes.scalarCount {
                    let root = try SymmetricEigen(grams[lane])
                    let half = root.vectors * .diagonal(root.values.map { 1 / $0.squareRoot() })
                    let whole = Matrix.product(half, transposed: true, squares[lane] * half)
                    let expected = try #require(SymmetricEigen.values(of: whole).last)
                    let scale = (0..<w).reduce(1e-300) { $0 + abs(whole[$1, $1]) }
                    #expect(abs(found[lane] - expected) < 1e-7 * scale)
                }
                // Nothing is told of tiles whose traces are not above what is asked for.
                let none = copy.withUnsafeMutableBufferPointer {
                    Remainders.strongest(w, $0.baseAddress!, above: w == 1 ? -1 : .infinity, .infinity)
                }
                #expect(w == 1 || none == .zero)
            }
        }
        // No column seen: no score.
        var dark = [Lanes](repeating: .zero, count: 18)
        #expect(
            dark.withUnsafeMutableBufferPointer { Remainders.strongest(3, $0.baseAddress!, above: -1, .infinity) }
                == .zero)
    }
}
