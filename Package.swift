// swift-tools-version: 6.3
import PackageDescription

// The data flow one way: load → prepare → solve → select → report.
// Each target imports only targets that stand above it in this list.
let package = Package(
    name: "foci",
    products: [
        .library(name: "Foci", targets: ["Foci"]),
        .library(name: "focic", type: .dynamic, targets: ["FociC"]),
        .executable(name: "foci", targets: ["FociCommand"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    ],
    targets: [
        .systemLibrary(
            name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev", "liblapacke-dev"])]),
        .systemLibrary(name: "CHDF5", pkgConfig: "hdf5", providers: [.apt(["libhdf5-dev"])]),
        .systemLibrary(name: "CFFTW3", pkgConfig: "fftw3", providers: [.apt(["libfftw3-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),

        .systemLibrary(name: "CAllocator"),

        .target(name: "LinearAlgebra", dependencies: ["COpenBLAS"]),
        .target(name: "Transport", dependencies: ["LinearAlgebra"]),
        .target(name: "HDF5", dependencies: ["CHDF5"]),
        .target(name: "SparseRegression", dependencies: ["LinearAlgebra"]),
        .target(name: "ModelSelection", dependencies: ["SparseRegression"]),
        .target(name: "MixedEffects", dependencies: ["LinearAlgebra"]),
        .target(name: "Dynamics", dependencies: ["MixedEffects", "SparseRegression"]),
        .target(name: "TimeFrequency", dependencies: ["SparseRegression"]),
        .target(name: "Fourier", dependencies: ["CFFTW3", "TimeFrequency"]),
        .target(name: "SourceImaging", dependencies: ["ModelSelection", "TimeFrequency", "Transport"]),
        .target(name: "Requests", dependencies: ["Dynamics", "MixedEffects", "SourceImaging"]),
        .target(name: "Simulation", dependencies: ["Fourier", "SourceImaging"]),
        .target(name: "Formats", dependencies: ["CZlib", "HDF5", "SourceImaging"]),
        .target(
            name: "Reporting",
            dependencies: ["Requests"],
            resources: [
                .embedInCode("Page/Templates/subject.mustache"), .embedInCode("Page/Templates/page.css"),
                .embedInCode("Page/Templates/brain.js"), .embedInCode("Page/Templates/group.mustache"),
                .embedInCode("Page/Templates/sections.css"), .embedInCode("Page/Templates/section.mustache"),
                .embedInCode("Page/Templates/sections.mustache"),
            ]),
        .target(name: "CFoci"),
        .target(name: "FociC", dependencies: ["CFoci", "Reporting", "Requests"]),
        .target(
            name: "Pages", dependencies: ["Reporting", .product(name: "Mustache", package: "swift-mustache")]),
        .target(name: "Foci", dependencies: ["Formats", "Fourier", "Pages", "Requests", "Simulation"]),
        .target(
            name: "Batches",
            dependencies: ["CCrypto", "Foci", "MixedEffects", .product(name: "Yams", package: "Yams")]),
        .executableTarget(
            name: "FociCommand",
            dependencies: [
                "Foci", "Batches", "CAllocator",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ]),

        .target(
            name: "TestSupport", dependencies: ["SourceImaging", "Formats"], path: "Tests/TestSupport",
            exclude: ["Python"]),
        // Run by tests as a process of its own, which may die of what it reads.
        .executableTarget(name: "MutatedFiles", dependencies: ["Formats"], path: "Tests/MutatedFiles"),
        // Run by the benchmark: models of simulated groups.
        .executableTarget(
            name: "GroupStudies", dependencies: ["HDF5", "MixedEffects", "SourceImaging"], path: "Tests/GroupStudies"),
        // Run by the benchmark: who drives whom in simulated networks.
        .executableTarget(name: "DynamicsStudies", dependencies: ["Dynamics"], path: "Tests/DynamicsStudies"),
        .testTarget(name: "LinearAlgebraTests", dependencies: ["LinearAlgebra", "TestSupport"]),
        .testTarget(name: "TransportTests", dependencies: ["Transport"]),
        // Timed by scripts/bench --only transport.
        .executableTarget(
            name: "TransportBenchmark", dependencies: ["Transport"], path: "scripts/benchmark/Transport"),
        // Timed by scripts/bench --only concomitant and time-frequency.
        .executableTarget(
            name: "InverseBenchmark", dependencies: ["HDF5", "SparseRegression", "TimeFrequency"],
            path: "scripts/benchmark/Inverse"),
        .testTarget(name: "FourierTests", dependencies: ["Fourier"]),
        .testTarget(name: "HDF5Tests", dependencies: ["HDF5", "TestSupport"]),
        .target(name: "CAllocationCount", path: "Tests/CAllocationCount"),
        .testTarget(
            name: "SparseRegressionTests", dependencies: ["SparseRegression", "CAllocationCount", "TestSupport"]),
        .testTarget(name: "ModelSelectionTests", dependencies: ["ModelSelection", "TestSupport"]),
        .testTarget(
            name: "MixedEffectsTests", dependencies: ["CAllocationCount", "HDF5", "MixedEffects", "TestSupport"]),
        .testTarget(
            name: "DynamicsTests",
            dependencies: ["CAllocationCount", "Dynamics", "DynamicsStudies", "HDF5", "TestSupport"]),
        .testTarget(
            name: "TimeFrequencyTests",
            dependencies: ["CAllocationCount", "Fourier", "HDF5", "TestSupport", "TimeFrequency"]),
        .testTarget(name: "SourceImagingTests", dependencies: ["SourceImaging", "Simulation", "TestSupport"]),
        .testTarget(name: "RequestsTests", dependencies: ["HDF5", "Requests", "TestSupport"]),
        .testTarget(name: "SimulationTests", dependencies: ["Simulation", "TestSupport"]),
        .testTarget(name: "FormatsTests", dependencies: ["Formats", "TestSupport", "MutatedFiles"]),
        .testTarget(name: "ReportingTests", dependencies: ["Pages", "TestSupport"]),
        .testTarget(name: "BatchesTests", dependencies: ["Batches", "TestSupport"]),
        .testTarget(
            name: "CommandTests", dependencies: ["FociCommand", "Foci", "HDF5", "TestSupport"], exclude: ["Help"]),
    ],
    swiftLanguageModes: [.v6]
)

// Types of targets further below come along, and their layouts with them; what is not named here is not built anew when they
// change. So every target names all that is below it.
for target in package.targets {
    var names = target.dependencies.compactMap { dependency -> String? in
        if case .byNameItem(let name, _) = dependency { name } else { nil }
    }
    var next = 0
    while next < names.count {
        let below = package.targets.first { $0.name == names[next] }?.dependencies ?? []
        for case .byNameItem(let name, _) in below where !names.contains(name) {
            names.append(name)
            target.dependencies.append(.byName(name: name))
        }
        next += 1
    }
}
