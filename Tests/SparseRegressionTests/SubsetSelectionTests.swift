import LinearAlgebra
import Testing

@testable import SparseRegression

/// The largest squared norm of a column.
func largestSquare(_ columns: Matrix) -> Double {
    (0..<columns.columns).map { columns.columns([$0]).squaredNorm }.max() ?? 0
}

/// min ‖Y − fit‖² + ridge from the normal equations of explicit columns, those of an atom a matrix, with what its squared
/// coefficients are weighed by.
func ridgeResidual(_ response: Matrix, _ fields: [(columns: Matrix, ridge: Double)]) throws -> Double {
    guard !fields.isEmpty else { return response.squaredNorm }
    let ridge = fields.flatMap { [Double](repeating: $0.ridge, count: $0.columns.columns) }
    let x = Matrix(rows: response.rows, columns: ridge.count, elements: fields.flatMap(\.columns.elements))
    let gram = Matrix.product(x, transposed: true, x) + .diagonal(ridge)
    let b = try Cholesky(gram).solve(Matrix.product(x, transposed: true, response))
    let penalty = (0..<b.rows).reduce(0) { sum, i in sum + ridge[i] * b.row(i).reduce(0) { $0 + $1 * $1 } }
    return (response - x * b).squaredNorm + penalty
}

/// Best-subset regression against brute force.
@Suite struct SubsetSelectionTests {
    typealias Atom = AtomDictionary.Atom

    /// A small problem whose families are its blocks, and blocks mixed with their neighbours.
    struct World {
        let design: Matrix
        let dictionary: AtomDictionary
        let response: Matrix

        init(seed: UInt64, width: Int, blocks count: Int = 9, threads: Int = 1) {
            self.init(seed: seed, widths: [Int](repeating: width, count: count), threads: threads)
        }

        init(seed: UInt64, widths: [Int], samples: Int = 4, ridge: Double = 0.05, threads: Int = 1) {
            var random = SeededGenerator(seed: seed)
            let blocks = BlockStructure(sizes: widths)
            design = random.normal(rows: 14, columns: blocks.columnCount)
            let patches = AtomFamily(blocks: blocks) { block in
                blocks.columns(of: block).map { [($0, 0.7), (($0 + widths[0]) % blocks.columnCount, 0.3)] }
            }
            dictionary = AtomDictionary(
                design: Design(design), families: [.identity(blocks), patches], ridge: ridge,
                parallelism: Parallelism(threads: threads))
            var truth = Matrix(rows: blocks.columnCount, columns: samples)
            for block in [1, 5] {
                for column in blocks.columns(of: block) {
                    for t in 0..<samples { truth[column, t] = random.normal() }
                }
            }
            response = design * truth + random.normal(rows: 14, columns: samples) * 0.5
        }

        var atoms: [Atom] {
            (0..<2).flatMap { f in (0..<dictionary.families[0].blocks.count).map { Atom(family: f, block: $0) } }
        }

        /// min ‖Y − fit‖² + ridge, from the normal equations of explicit columns.
        func residual(_ subset: [Atom]) throws -> Double {
            try residual(
                fields: subset.map { dictionary.families[$0.family].columns(of: $0.block, in: dictionary.design) })
        }

        /// The same of given columns, those of an atom a matrix.
        func residual(fields: [Matrix]) throws -> Double {
            try ridgeResidual(response, fields.map { ($0, dictionary.ridge * largestSquare($0)) })
        }
    }

    /// Compares additions, exchanges and drops at subsets with those of refitting.
    private func check(_ world: World, at subsets: [[Atom]]) throws {
        let power = world.dictionary.power(of: world.response)
        var fit = SubsetFit(to: power)
        let scores = AtomScores(beside: fit, of: power, in: world.dictionary)
        for subset in subsets {
            fit = try #require(SubsetFit(subset, to: power, in: world.dictionary, after: fit))
            scores.move(to: fit)
            let anew = AtomScores(beside: fit, of: power, in: world.dictionary)
            #expect(anew.addition?.atom == scores.addition?.atom)
            let here = try world.residual(subset)
            let scale = world.response.squaredNorm
            #expect(abs(scale - fit.explained - here) < 1e-10 * scale)
            func best(beside others: [Atom]) throws -> (Atom, Double) {
                let base = try world.residual(others)
                let free = world.atoms.filter { atom in !others.contains { $0.block == atom.block } }
                let prices = try free.map { base - (try world.residual(others + [$0])) }
                let place = try #require(prices.indices.max { prices[$0] < prices[$1] })
                return (free[place], prices[place])
            }
            let addition = try #require(scores.addition)
            let expected = try best(beside: subset)
            #expect(addition.atom == expected.0 && abs(addition.score - expected.1) < 1e-10 * scale)
            for i in subset.indices {
                var others = subset
                others.remove(at: i)
                #expect(abs(fit.dropCosts[i] - (try world.residual(others) - here)) < 1e-10 * scale)
                let exchange = try #require(scores.exchanges[i])
                let expected = try best(beside: others)
                #expect(exchange.atom == expected.0 && abs(exchange.score - expected.1) < 1e-10 * scale)
            }
        }
    }

    @Test("scores of additions, exchanges and drops are those of refitting", arguments: [1, 2, 3], [UInt64(1), 2, 3])
    func scores(_ width: Int, _ seed: UInt64) throws {
        try check(
            World(seed: seed, width: width),
            at: [[], [Atom(family: 0, block: 4)], [Atom(family: 0, block: 1), Atom(family: 1, block: 6)]])
    }

    @Test("so they are where an atom of the subset is much wider than those that are scored")
    func widths() throws {
        let world = World(seed: 4, widths: [1, 2, 192] + [Int](repeating: 1, count: 120))
        try check(world, at: [[Atom(family: 0, block: 2)], [Atom(family: 0, block: 110), Atom(family: 1, block: 2)]])
    }

    @Test(
        "so they are after one atom joined, left or was exchanged, also for one of another width, nothing computed anew"
    )
    func moves() throws {
        func atom(_ family: Int, _ block: Int) -> Atom { Atom(family: family, block: block) }
        let walk = [
            [atom(0, 1)], [atom(0, 1), atom(1, 2)], [atom(0, 1), atom(1, 2), atom(0, 4)],
            [atom(0, 3), atom(1, 2), atom(0, 4)],
            [atom(0, 3), atom(0, 4)], [atom(0, 3), atom(1, 4)], [atom(1, 4)], [],
        ]
        for widths in [[3, 3, 3, 3, 3], [2, 1, 3, 1, 2], [1, 1, 1, 1, 1]] {
            let world = World(seed: 8, widths: widths + widths)
            try check(world, at: walk)
            let power = world.dictionary.power(of: world.response)
            let scores = AtomScores(beside: SubsetFit(to: power), of: power, in: world.dictionary)
            for subset in walk {
                scores.move(to: try #require(SubsetFit(subset, to: power, in: world.dictionary, after: scores.fit)))
            }
            #expect(scores.rebuilds == 1)
        }
    }

    /// A world of the same design and response with another family alone, of two blocks more.
    private func finer(_ world: World, width: Int) -> AtomDictionary {
        let count = world.design.columns / width
        let blocks = BlockStructure(count: count + 2, size: width)
        return AtomDictionary(
            design: Design(world.design),
            families: [
                AtomFamily(blocks: blocks) { block in
                    blocks.columns(of: block).map { column in
                        let own = column % world.design.columns
                        return [(own, 0.5), ((own + width) % world.design.columns, column < own ? 0.1 : 0.5)]
                    }
                }
            ], ridge: world.dictionary.ridge)
    }

    @Test(
        "a profile is what refitting gives in the place of an atom of this or of another dictionary", arguments: [1, 3])
    func profile(_ width: Int) throws {
        let world = World(seed: 12, width: width)
        let power = world.dictionary.power(of: world.response)
        let finer = finer(world, width: width)
        for (dictionary, atoms) in [
            (world.dictionary, [Atom(family: 0, block: 1), Atom(family: 1, block: 6), Atom(family: 0, block: 8)]),
            (finer, [Atom(family: 0, block: 2), Atom(family: 0, block: 10)]), (finer, [Atom(family: 0, block: 4)]),
        ] {
            let blocks = Array([1, 6, 8].prefix(atoms.count))
            let profiles = try #require(world.dictionary.profiles(of: atoms, in: dictionary, as: blocks, power))
            #expect(profiles.count == atoms.count)
            for i in atoms.indices {
                var (others, taken) = (atoms, blocks)
                others.remove(at: i)
                taken.remove(at: i)
                let fields = others.map {
                    dictionary.families[$0.family].columns(of: $0.block, in: dictionary.design)
                }
                let base = try world.residual(fields: fields)
                for atom in world.atoms {
                    let own = world.dictionary.families[atom.family]
                        .columns(of: atom.block, in: world.dictionary.design)
                    let expected =
                        taken.contains(atom.block) ? 0 : base - (try world.residual(fields: fields + [own]))
                    let score = profiles[i][atom.family][atom.block]
                    #expect(abs(score - expected) < 1e-10 * world.response.squaredNorm)
                }
            }
        }
        #expect(world.dictionary.profiles(of: [], in: finer, as: [], power) == [])
    }

    @Test("exchanges alone keep the number of atoms, and end where none lowers the objective", arguments: [1, 3])
    func exchanged(_ width: Int) throws {
        let world = World(seed: 3, width: width)
        let selection = SubsetSelection(charge: 0.02 * world.response.squaredNorm)
        let start = try selection.run(world.dictionary, response: world.response)
        let bad = start.renamed([Atom(family: 1, block: 0), Atom(family: 1, block: 7), Atom(family: 0, block: 3)])
        func search(_ dictionary: AtomDictionary) throws -> SubsetSearch {
            try selection.search(dictionary, dictionary.power(of: world.response))
        }
        let end = try search(world.dictionary).exchanged(bad)
        #expect(end.atoms.count == 3 && end.looks > start.looks && end.objectives == start.objectives)
        let least = try world.residual(end.atoms)
        #expect(least < (try world.residual(bad.atoms)))
        for i in end.atoms.indices {
            var without = end.atoms
            without.remove(at: i)
            #expect(abs(end.scores[i] - (try world.residual(without) - least)) < 1e-10 * world.response.squaredNorm)
            for atom in world.atoms where !without.contains(where: { $0.block == atom.block }) {
                #expect(try world.residual(without + [atom]) >= least - 1e-9 * world.response.squaredNorm)
            }
        }
        // Atoms that coincide cannot be fitted: nothing changes.
        let twice = start.renamed([end.atoms[0], end.atoms[0]])
        let free = AtomDictionary(
            design: world.dictionary.design, families: world.dictionary.families, ridge: .leastNormalMagnitude)
        #expect(try search(free).exchanged(twice).atoms == twice.atoms)
    }

    @Test("what goes on from the scores of a step before ends where a search of its own does", arguments: [1, 3])
    func goingOn(_ width: Int) throws {
        for seed in UInt64(1)...6 {
            let world = World(seed: seed, width: width)
            let selection = SubsetSelection(charge: 0.01 * world.response.squaredNorm)
            func search() throws -> SubsetSearch {
                try selection.search(world.dictionary, world.dictionary.power(of: world.response))
            }
            let errors = [FieldError(spread: 0.1, nearby: 0) { _ in [] }]
            let one = try search()
            let found = one.run(starts: [[Atom(family: 1, block: 0), Atom(family: 0, block: 6)]])
            let (onward, alone) = (one.thinned(found, errors: errors), try search().thinned(found, errors: errors))
            #expect(onward.outcome.atoms == alone.outcome.atoms && onward.outcome.looks == alone.outcome.looks)
            for (a, b) in zip(onward.objectives, alone.objectives) {
                #expect(abs(a - b) < 1e-9 * world.response.squaredNorm)
            }
            // Back at what was found, and on to it once more.
            let again = one.run()
            let afresh = try search().run()
            #expect(again.atoms == afresh.atoms && again.looks == afresh.looks)
        }
    }

    @Test("products of some matrices in one pass are those of each, whatever the number of their columns")
    func passes() {
        var random = SeededGenerator(seed: 5)
        for width in [1, 3] {
            let world = World(seed: 1, width: width)
            let matrices = [1, 2, 3, 4, 7, 8, 12].map { random.normal(rows: world.design.rows, columns: $0) }
            let (products, first) = world.dictionary.products(matrices)
            for (matrix, first) in zip(matrices, first) {
                let alone = world.dictionary.products(matrix)
                let whole = Matrix.product(matrix, transposed: true, world.design)
                for column in 0..<whole.columns {
                    for row in 0..<whole.rows {
                        #expect(abs(products[first + row, column] - whole[row, column]) < 1e-13)
                        #expect(abs(alone[row, column] - whole[row, column]) < 1e-13)
                    }
                    #expect((whole.rows..<alone.rows).allSatisfy { alone[$0, column] == 0 })
                }
            }
        }
    }

    @Test("another ridge gives the dictionary that is built with it")
    func ridges() throws {
        let built = World(seed: 6, widths: [2, 1, 3, 1, 2, 1, 1, 3, 2], ridge: 1e-3)
        var changed = World(seed: 6, widths: [2, 1, 3, 1, 2, 1, 1, 3, 2]).dictionary
        let power = changed.power(of: built.response)
        #expect(changed.largestScore(power) < built.dictionary.largestScore(power))
        changed.ridge = 1e-3
        #expect(changed.largestScore(power) == built.dictionary.largestScore(power))
        let selection = SubsetSelection(charge: 0.02 * built.response.squaredNorm)
        let (one, other) = (
            try selection.run(built.dictionary, response: built.response),
            try selection.run(changed, response: built.response)
        )
        #expect(one.atoms == other.atoms && one.coefficients == other.coefficients && one.scores == other.scores)
    }

    @Test("settled means that no atom is left to drop, also where rounding refuses the move that promises most")
    func settled() throws {
        for seed in 0..<40 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            var design = random.normal(rows: 14, columns: 9)
            // Three atoms that are nearly the same, and a ridge that does not keep them apart.
            for i in 0..<14 {
                design[i, 1] = design[i, 0] + 1e-5 * design[i, 1]
                design[i, 2] = design[i, 0] + 1e-5 * design[i, 2]
            }
            let response = random.normal(rows: 14, columns: 3)
            let dictionary = AtomDictionary(
                design: Design(design), families: [.identity(BlockStructure(count: 9, size: 1))], ridge: 1e-15)
            let charge = 0.05 * response.squaredNorm
            let found = try SubsetSelection(charge: charge).run(
                dictionary, response: response, starts: [(0..<9).map { Atom(family: 0, block: $0) }])
            #expect(found.isSettled)
            /// ‖Y‖² less its projection on columns, the ridge left out.
            func residual(_ blocks: [Int]) throws -> Double {
                let svd = try SingularValues(design.columns(blocks))
                return response.squaredNorm - Matrix.product(svd.u, transposed: true, response).squaredNorm
            }
            let blocks = found.atoms.map(\.block)
            let here = try residual(blocks)
            for dropped in blocks {
                let without = try residual(blocks.filter { $0 != dropped })
                #expect(without - here > charge - 1e-3 * response.squaredNorm, "seed \(seed), atom \(dropped)")
            }
        }
    }

    @Test("the end is a local minimum, and on small problems nearly always the global one", arguments: [1, 3])
    func minima(_ width: Int) throws {
        var missed = 0
        for seed in 0..<20 as Range<UInt64> {
            let world = World(seed: 100 + seed, width: width)
            let charge = 0.08 * world.response.squaredNorm
            let found = try SubsetSelection(charge: charge).run(world.dictionary, response: world.response)
            func objective(_ atoms: [Atom]) throws -> Double {
                try world.residual(atoms) + charge * Double(atoms.count)
            }
            let reached = try objective(found.atoms)
            #expect(found.isSettled && abs(found.objective - reached) < 1e-9 * world.response.squaredNorm)
            // No exchange, drop or addition is better.
            let slack = 1e-8 * world.response.squaredNorm
            for i in found.atoms.indices {
                var others = found.atoms
                others.remove(at: i)
                #expect(try objective(others) >= reached - slack)
                for atom in world.atoms where !others.contains(where: { $0.block == atom.block }) {
                    #expect(try objective(others + [atom]) >= reached - slack)
                }
            }
            for atom in world.atoms where !found.atoms.contains(where: { $0.block == atom.block }) {
                #expect(try objective(found.atoms + [atom]) >= reached - slack)
            }
            // All subsets of up to three atoms.
            var least = world.response.squaredNorm
            let atoms = world.atoms
            for a in atoms.indices {
                least = min(least, try objective([atoms[a]]))
                for b in atoms.indices where b > a && atoms[b].block != atoms[a].block {
                    least = min(least, try objective([atoms[a], atoms[b]]))
                    for c in atoms.indices where c > b && ![atoms[a].block, atoms[b].block].contains(atoms[c].block) {
                        least = min(least, try objective([atoms[a], atoms[b], atoms[c]]))
                    }
                }
            }
            #expect(reached >= least - slack || found.atoms.count > 3)
            if reached > least + slack { missed += 1 }
        }
        #expect(missed <= 4)
    }

    @Test(
        "with charges of their own at blocks the end is a local minimum, too, and the best is sought by them",
        arguments: [1, 3])
    func relief(_ width: Int) throws {
        var moved = 0
        for seed in 0..<12 as Range<UInt64> {
            let world = World(seed: 200 + seed, width: width)
            let total = world.response.squaredNorm
            var random = SeededGenerator(seed: seed)
            let charge = 0.08 * total
            let relief = (0..<9).map { _ in charge * (random.uniform() < 0.3 ? 0.9 : -1) }
            let selection = SubsetSelection(charge: charge, relief: relief)
            let found = try selection.run(world.dictionary, response: world.response)
            func objective(_ atoms: [Atom]) throws -> Double {
                try world.residual(atoms) + atoms.reduce(0) { $0 + charge - relief[$1.block] }
            }
            let reached = try objective(found.atoms)
            #expect(found.isSettled && abs(found.objective - reached) < 1e-9 * total)
            let slack = 1e-8 * total
            for i in found.atoms.indices {
                var others = found.atoms
                others.remove(at: i)
                #expect(try objective(others) >= reached - slack)
                for atom in world.atoms where !others.contains(where: { $0.block == atom.block }) {
                    #expect(try objective(others + [atom]) >= reached - slack)
                }
            }
            for atom in world.atoms where !found.atoms.contains(where: { $0.block == atom.block }) {
                #expect(try objective(found.atoms + [atom]) >= reached - slack)
            }
            let plain = try SubsetSelection(charge: charge).run(world.dictionary, response: world.response)
            if plain.atoms != found.atoms { moved += 1 }
            let none = try SubsetSelection(charge: charge, relief: [Double](repeating: 0, count: 9)).run(
                world.dictionary, response: world.response)
            #expect(none.atoms == plain.atoms && none.coefficients == plain.coefficients)
        }
        #expect(moved > 2)
        let world = World(seed: 1, width: width)
        for wrong in [1.0, .nan, .infinity, -.infinity] {
            #expect(throws: InvalidPenalty.self) {
                try SubsetSelection(charge: 1, relief: [Double](repeating: wrong, count: 9)).run(
                    world.dictionary, response: world.response)
            }
        }
    }

    @Test("starts only help, and a start at the answer stays there")
    func starts() throws {
        let world = World(seed: 7, width: 1)
        let selection = SubsetSelection(charge: 0.05 * world.response.squaredNorm)
        let alone = try selection.run(world.dictionary, response: world.response)
        let again = try selection.run(world.dictionary, response: world.response, starts: [alone.atoms])
        #expect(again.atoms == alone.atoms && again.objectives.count == 2 && again.looks == alone.looks + 1)
        #expect(abs(again.objectives[1] - alone.objective) < 1e-12 * world.response.squaredNorm)
        let everything = (0..<9).map { Atom(family: 0, block: $0) }
        let fromAll = try selection.run(world.dictionary, response: world.response, starts: [everything])
        #expect(fromAll.objective <= alone.objective)
    }

    @Test("neither threads nor storage in single precision decide what is selected")
    func invariance() throws {
        let one = World(seed: 11, width: 3, blocks: 300)
        let two = World(seed: 11, width: 3, blocks: 300, threads: 2)
        let selection = SubsetSelection(charge: 0.02 * one.response.squaredNorm)
        let first = try selection.run(one.dictionary, response: one.response)
        let second = try selection.run(two.dictionary, response: two.response)
        #expect(first.atoms == second.atoms && first.coefficients == second.coefficients && !first.atoms.isEmpty)
        let single = AtomDictionary(
            design: Design(rows: 14, columns: 900, elements: one.design.elements.map { Float($0) }),
            families: one.dictionary.families)
        #expect(try selection.run(single, response: one.response).atoms == first.atoms)
    }

    @Test("atoms without field, zero data and a charge above everything select nothing")
    func nothing() throws {
        let world = World(seed: 3, width: 1)
        let zero = Matrix(rows: 14, columns: 4)
        #expect(try SubsetSelection(charge: 1).run(world.dictionary, response: zero).atoms.isEmpty)
        let above = SubsetSelection(charge: 2 * world.response.squaredNorm)
        let none = try above.run(world.dictionary, response: world.response)
        #expect(none.atoms.isEmpty && none.coefficients.columns == 0 && none.isSettled)
        #expect(none.objective == world.response.squaredNorm)
        let blocks = BlockStructure(count: 2, size: 1)
        let dark = AtomDictionary(design: Design(Matrix(rows: 14, columns: 2)), families: [.identity(blocks)])
        #expect(try SubsetSelection(charge: 1e-3).run(dark, response: world.response).atoms.isEmpty)
        #expect(throws: InvalidPenalty.self) {
            try SubsetSelection(charge: .nan).run(world.dictionary, response: world.response)
        }
    }

    @Test("the number of atoms is bounded, and a cut descent says so")
    func bound() throws {
        let world = World(seed: 5, width: 1)
        let found = try SubsetSelection(charge: 1e-9, maximumCount: 3).run(world.dictionary, response: world.response)
        #expect(found.atoms.count == 3 && !found.isSettled)
        let cancelled = try SubsetSelection(charge: 1e-9).run(
            world.dictionary, response: world.response, monitor: Monitor(isCancelled: { true }))
        #expect(cancelled.isCancelled && !cancelled.isSettled)
    }

    @Test("what the best atom explains of noise is the largest score")
    func largest() throws {
        let world = World(seed: 9, width: 2)
        let base = world.response.squaredNorm
        let expected = try world.atoms.map { base - (try world.residual([$0])) }.max()
        let score = world.dictionary.largestScore(world.dictionary.power(of: world.response))
        #expect(abs(score - (try #require(expected))) < 1e-10 * base)
    }

    @Test("the largest scores of several responses are those of each, also where they need several passes")
    func several() throws {
        let world = World(seed: 9, width: 3)
        var random = SeededGenerator(seed: 5)
        let responses = [4, 61, 150, 1, 300, 2].map { random.normal(rows: 14, columns: $0) } + [world.response]
        let scores = world.dictionary.largestScores(of: responses)
        #expect(scores.count == responses.count && world.dictionary.largestScores(of: []).isEmpty)
        for (score, response) in zip(scores, responses) {
            let alone = world.dictionary.largestScore(world.dictionary.power(of: response))
            #expect(abs(score - alone) <= 1e-12 * response.squaredNorm)
        }
    }
}
