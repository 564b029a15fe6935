import LinearAlgebra

/// What every atom explains beside a fit, and beside the fit without any one of its atoms.
///
/// The score of an atom is by how much min ‖Y − fit‖² + ridge falls when it joins: the power of Y on the part of the atom
/// that is orthogonal to the subset (Ziskind & Wax 1988), ridge included: tr(G_j⁻¹E_jE_jᵀ). With K and A = K·DᵀD_j, what
/// is left of an atom beside the subset has the Gram matrix G_j = D_jᵀD_j + ridge − (DᵀD_j)ᵀA and the correlations
/// E_j = D_jᵀ(Y − fit). Where atoms keep their directions it is the largest eigenvalue of G_j⁻¹E_jE_jᵀ, or what all of it
/// explains less what turning costs. With H = B·E_jᵀ, leaving atom i out gives back to both what needs the rows of i in A
/// and H alone.
///
/// All four are kept. An atom that leaves or joins changes them by terms of its width in rank: those of one that leaves
/// are there, those of one that joins are products of what is left of it with the design. Rounding adds up; each atom of
/// the fit, scored in its own place, tells how far, and all is computed anew where it matters.
final class AtomScores {
    typealias Atom = AtomDictionary.Atom

    typealias Scored = (atom: Atom, score: Double)

    /// The best atom to add (forward selection), by score and relief; nil where no atom explains anything.
    private(set) var addition: Scored?
    /// The best atom in the place of each atom of the fit, scored beside the others. An atom of a block that an atom of
    /// the fit has is scored in that one's place only.
    private(set) var exchanges: [Scored?] = []
    /// How often all was computed anew.
    private(set) var rebuilds = 0

    private let dictionary: AtomDictionary
    private let power: AtomDictionary.Power
    private(set) var fit: SubsetFit
    private let families: [Remainders]
    private let relief: [Double]?
    /// The first row of each atom of the fit in A and H, and how many rows there are.
    private var slots: [Int] = []
    private var rowCount = 0

    /// Scores all atoms of a dictionary.
    ///
    /// - Parameters:
    ///   - fit: of a subset of the dictionary's atoms.
    ///   - power: of the response.
    ///   - dictionary: all atoms.
    ///   - relief: of a block, what its atoms are preferred by where the best is sought; nil for none.
    /// - Complexity: O(q·(n + w)·(k + T)) for k columns in the fit and w nonzero weights a column of all families; memory
    ///   2k numbers a column of all families.
    init(
        beside fit: SubsetFit, of power: AtomDictionary.Power, in dictionary: AtomDictionary, relief: [Double]? = nil
    ) {
        self.relief = relief
        self.dictionary = dictionary
        self.power = power
        self.fit = fit
        families = dictionary.families.indices.map {
            Remainders(
                dictionary.families[$0], full: dictionary.fullGram($0), relief: relief,
                isDirected: dictionary.keepsDirections, turning: dictionary.turning, parallelism: dictionary.parallelism
            )
        }
        rebuild()
    }

    /// Scores all atoms beside another fit to the same response.
    ///
    /// - Complexity: where one atom left, joined, or was exchanged, O(q·(n + k + w)) times its width, and O(q·k) for scores.
    func move(to next: SubsetFit) {
        if next.atoms == fit.atoms { return }
        let leaving = fit.atoms.indices.filter { !next.atoms.contains(fit.atoms[$0]) }
        let joining = next.atoms.indices.filter { !fit.atoms.contains(next.atoms[$0]) }
        let previous = fit
        fit = next
        if leaving.isEmpty, joining.isEmpty {
            let order = next.atoms.compactMap(previous.atoms.firstIndex)
            (slots, exchanges) = (order.map { slots[$0] }, order.map { exchanges[$0] })
            return
        }
        if leaving.count <= 1, joining.count <= 1 {
            update(from: previous, leaving.first, joining.first)
            // An atom in its own place gains nothing.
            let total = power.response.squaredNorm
            let isExact = fit.atoms.indices.allSatisfy {
                let score = families[fit.atoms[$0].family].score(fit.atoms[$0], place(of: $0))
                return abs(score - fit.dropCosts[$0]) <= 1e-11 * total
            }
            if isExact { return }
        }
        rebuild()
    }

    /// An atom of the fit as scores need it.
    private func place(of i: Int) -> Remainders.Place {
        let (v, s) = fit.square(i)
        // At its own block there is none worse than the atom, but for rounding and for what turning costs.
        return Remainders.Place(
            row: slots[i], width: fit.range(i).count, v: v.elements, s: s.elements,
            least: fit.atoms[i].turns ? 0 : (1 - 1e-6) * fit.dropCosts[i])
    }

    private func rebuild() {
        rebuilds += 1
        (slots, rowCount) = (Array(fit.offsets.dropLast()), fit.columnCount)
        let (k, residual) = (rowCount, fit.residual(of: power))
        guard k > 0 else {
            for (family, squares) in zip(families, power.squares) { family.start(squares, rows: 0) }
            return find(nil)
        }
        // CᵀKC is the square of (D·W)ᵀX with K = W·Wᵀ.
        var factor = fit.inverse
        factor.elements.withUnsafeMutableBufferPointer {
            guard let start = $0.baseAddress else { return }
            _ = LAPACK.cholesky(k, start, k)
            for j in 0..<k { for i in 0..<j { start[i + j * k] = 0 } }
        }
        // One pass over the design for all.
        let (products, first) = dictionary.products([
            residual, fit.columns * factor, fit.columns * fit.inverse, residual * fit.coefficients,
        ])
        let own = products.rows(0..<first[1])
        for (f, family) in families.enumerated() {
            family.start(dictionary.squares(f, own, rows: residual.columns), rows: k)
            family.take(products, rows: first[1]..<(first[1] + k))
            family.fill(products, rows: first[2]..<(first[2] + k), correlations: false)
            family.fill(products, rows: first[3]..<(first[3] + k), correlations: true)
        }
        find(nil)
    }

    /// Takes one atom out and another in.
    private func update(from previous: SubsetFit, _ leaving: Int?, _ joining: Int?) {
        var change = Remainders.Change(
            leaving: leaving.map {
                let (v, s) = previous.square($0)
                return .init(
                    row: slots[$0], width: previous.range($0).count, v: v.elements, s: s.elements, least: 0)
            })
        // The rows of the atoms of the fit, and a place for the new one: that of the old one where both are alike.
        var rows = Dictionary(uniqueKeysWithValues: zip(previous.atoms, slots))
        var vacant = change.leaving.map { $0.row..<($0.row + $0.width) }
        change.rowCount = rowCount
        if let joining {
            let width = fit.range(joining).count
            if let row = vacant?.lowerBound, vacant?.count == width {
                rows[fit.atoms[joining]] = row
                vacant = nil
            } else {
                rows[fit.atoms[joining]] = rowCount
                change.rowCount += width
            }
        }
        slots = fit.atoms.map { rows[$0] ?? 0 }
        if let joining {
            change.joining = place(of: joining)
            change.products = dictionary.products(left(of: joining))
        }
        let (out, into) = (change.leaving?.width ?? 0, change.joining?.width ?? 0)
        let inner = out + into
        change.a = Matrix(rows: inner, columns: change.rowCount)
        change.h = Matrix(rows: 2 * inner, columns: change.rowCount)
        for (i, atom) in fit.atoms.enumerated() {
            let old = previous.atoms.firstIndex(of: atom)
            for (x, own) in fit.range(i).enumerated() {
                let row = slots[i] + x
                if let leaving, let old {
                    for (p, column) in previous.range(leaving).enumerated() {
                        let before = previous.offsets[old] + x
                        change.a[p, row] = -previous.inverse[before, column]
                        change.h[p, row] = previous.amplitudes[before, column]
                        change.h[inner + into + p, row] = -previous.inverse[before, column]
                    }
                }
                if let joining {
                    for (p, column) in fit.range(joining).enumerated() {
                        change.a[out + p, row] = fit.inverse[own, column]
                        change.h[out + p, row] = -fit.amplitudes[own, column]
                        change.h[inner + p, row] = fit.inverse[own, column]
                    }
                }
            }
        }
        find(change)
        rowCount = change.rowCount
        if let vacant {
            for family in families { family.close(vacant, rowCount) }
            rowCount -= vacant.count
            slots = slots.map { $0 > vacant.lowerBound ? $0 - vacant.count : $0 }
        }
    }

    /// What multiplies the design for an atom that joined: its part d = D·K_{·a}·V_a that the others leave of its columns,
    /// then (Y − fit)E_aᵀ of the fit without it, with E_a = V_a·b_a: n × 2·width.
    private func left(of joining: Int) -> Matrix {
        let columns = Array(fit.range(joining))
        let (v, s) = fit.square(joining)
        let part = fit.columns * (fit.inverse.columns(columns) * v)
        let own = fit.coefficients.columns(columns)
        let power = self.power.response * own - fit.columns * fit.amplitudes.columns(columns) + part * s
        return Matrix(
            rows: part.rows, columns: 2 * part.columns, elements: part.elements + (power * v).elements)
    }

    /// Changes what is kept, and finds the best atoms.
    private func find(_ change: Remainders.Change?) {
        (addition, exchanges) = (nil, [Scored?](repeating: nil, count: fit.atoms.count))
        let places = fit.atoms.indices.map(place)
        for (f, family) in families.enumerated() {
            let owners = Dictionary(grouping: fit.atoms.indices) { family.tiles.place(of: fit.atoms[$0].block) }
                .mapValues { $0.map { (fit.atoms[$0].block, $0) } }
            let found = family.scan(change, places, owners)
            for (number, candidate) in found.enumerated() where candidate.score > 0 {
                let i = number % (places.count + 1)
                let scored = (atom: Atom(family: f, block: candidate.block), score: candidate.score)
                let best = i == places.count ? addition : exchanges[i]
                if let best, rank(scored) <= rank(best) { continue }
                if i == places.count { addition = scored } else { exchanges[i] = scored }
            }
        }
        guard dictionary.keepsDirections else { return }
        addition = addition.map { (directed($0.atom, nil), $0.score) }
        exchanges = zip(exchanges, places).map { scored, place in
            scored.map { (directed($0.atom, place), $0.score) }
        }
    }

    /// The atom with the direction in which it explains most beside the fit, or in the place of one of its atoms.
    private func directed(_ atom: Atom, _ place: Remainders.Place?) -> Atom {
        let direction = families[atom.family].direction(atom.block, place)
        return Atom(family: atom.family, block: atom.block, direction: direction ?? [], turns: direction == nil)
    }

    /// The atom as it explains most beside the fit; the atom of the fit where that has one of the same family and block.
    func directed(_ atom: Atom) -> Atom {
        guard dictionary.keepsDirections, atom.direction.isEmpty, !atom.turns else { return atom }
        return fit.atoms.first { ($0.family, $0.block) == (atom.family, atom.block) } ?? directed(atom, nil)
    }

    /// What atoms are compared by.
    private func rank(_ scored: Scored) -> Double { scored.score + (relief?[scored.atom.block] ?? 0) }

    /// The score of every atom beside the fit, or in the place of its i-th atom, a family an array; 0 where another atom of
    /// the fit has the block.
    func all(inPlaceOf i: Int? = nil) -> [[Double]] {
        let own = i.map(place(of:))
        return families.map { family in
            var scores = family.scores(own)
            for (k, atom) in fit.atoms.enumerated() where k != i { scores[atom.block] = 0 }
            return scores
        }
    }
}
