import LinearAlgebra
import Testing

@testable import Transport

@Test("a linear iteration of three rates comes to rest in a few steps, from anywhere")
func mixingOfALinearIteration() {
    let rates = (0..<12).map { [0.9, -0.5, 0.3][$0 % 3] }
    let rest = (0..<12).map { Double($0) - 4 }
    var mixing = Mixing()
    func step(_ x: [Double]) -> [Double] { zip(zip(x, rest), rates).map { $0.1 + $1 * ($0.0 - $0.1) } }
    func error(_ x: [Double]) -> Double { zip(x, rest).reduce(0) { max($0, abs($1.0 - $1.1)) } }
    for _ in 0..<2 {
        var x = (0..<12).map { Double(($0 * 7) % 5) }
        let before = error(x)
        for _ in 0..<7 { x = mixing.next(x, step(x)) }
        #expect(error(x) < 1e-8 * before)
        mixing.restart()
    }
    // At rest it stays there.
    #expect(mixing.next(rest, rest) == rest && mixing.next(rest, rest) == rest)
}

@Test("beyond its depth it still is faster than the iteration itself")
func mixingOfManyRates() {
    let rates = (0..<40).map { 0.95 * Double($0) / 39 }
    var mixing = Mixing()
    var (mixed, plain) = ([Double](repeating: 1, count: 40), [Double](repeating: 1, count: 40))
    for _ in 0..<40 {
        mixed = mixing.next(mixed, zip(mixed, rates).map { $0 * $1 })
        plain = zip(plain, rates).map { $0 * $1 }
    }
    func norm(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    #expect(norm(mixed) < 1e-3 * norm(plain))
}
