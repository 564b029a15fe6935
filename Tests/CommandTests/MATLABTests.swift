import Foci
import Foundation
import TestSupport
import Testing

@Suite(
    "Files of MATLAB toolboxes, from beginning to end",
    .enabled(if: PythonEnvironment.isPresent, Comment(rawValue: PythonEnvironment.absence)))
struct MATLABTests {
    let workspace: Workspace

    init() throws {
        workspace = try Workspace()
        // The sample as FieldTrip and as Brainstorm would hold it, and without projectors, which FieldTrip has not.
        try PythonEnvironment.run(
            """
            import h5py, numpy as np, native
            from matfile import save, StructArray, Row
            with h5py.File("forward.h5") as f, h5py.File("recording.h5") as r, h5py.File("covariance.h5") as c:
                gain, position = f["gain"][()].astype(float), f["sources/position"][()]
                normal, rows = f["sources/normal"][()], [n.decode() for n in f["sensors/name"][()]]
                labels = [n.decode() for n in r["sensors/name"][()]]
                kinds = [n.decode() for n in r["sensors/kind"][()]]
                data, rate, first = r["data"][()], r.attrs["sampling_frequency"], r.attrs["first_time"]
                averages, projectors = int(r.attrs["averages"]), r["projectors"][()]
                covariance, samples = c["covariance"][()], int(c.attrs["samples"])
            n, time = len(labels), (first + np.arange(data.shape[1]) / rate)[None]
            assert rows == labels
            native.forward("plain-forward.h5", gain, 3, labels, kinds, position, "head")
            native.recording("plain-recording.h5", data, labels, kinds, rate, first, averages, "x")
            native.covariance("plain-covariance.h5", covariance, labels, kinds, samples)
            units = [{"mag": "T", "grad": "T/m", "eeg": "V"}[k] for k in kinds]
            cells = [gain[:, 3 * j:3 * j + 3] for j in range(len(position))]
            save("leadfield.mat", {"sourcemodel": {"pos": position, "unit": "m", "coordsys": "neuromag", "label": labels,
                 "chanunit": units, "leadfield": Row(cells), "inside": np.ones((len(position), 1), bool)}})
            save("timelock.mat", {"tones": {"avg": data, "time": time, "label": labels, "dimord": "chan_time",
                 "chanunit": units, "dof": np.full(data.shape, float(averages)), "cov": covariance}})
            types = [{"mag": "MEG MAG", "grad": "MEG GRAD", "eeg": "EEG"}[k] for k in kinds]
            save("channel.mat", {"Channel": StructArray([{"Name": a, "Type": b} for a, b in zip(labels, types)]),
                 "Projector": [] if not len(projectors) else StructArray([{"Components": p[:, None], "CompMask": 1.0,
                  "Status": 1.0, "SingVal": 1.0} for p in projectors] * 1)})
            save("headmodel.mat", {"Gain": gain, "GridLoc": position, "GridOrient": normal, "HeadModelType": "surface"})
            save("data.mat", {"F": data, "Time": time, "ChannelFlag": np.ones((n, 1)), "nAvg": float(averages), "Comment": "x"})
            save("noisecov.mat", {"NoiseCov": covariance, "nSamples": float(samples)})
            """, in: workspace.folder.path)
    }

    private func expectSame(_ one: String, _ other: String) throws {
        let estimates = try [one, other].map { try EstimateFile.read(workspace.folder.file("\($0)/estimate.h5")) }
        #expect(!estimates[0].sources.isEmpty)
        #expect(estimates[0].sources.map(\.index) == estimates[1].sources.map(\.index))
        for (a, b) in zip(estimates[0].sources, estimates[1].sources) {
            #expect((a.amplitudes - b.amplitudes).squaredNorm <= 1e-18 * b.amplitudes.squaredNorm)
        }
    }

    @Test("FieldTrip files give the estimate of the same numbers in the project's own layout")
    func fieldTrip() throws {
        // Neither has projectors, which brings a warning: an average reference is applied.
        let own = try workspace.localize(
            forward: "plain-forward.h5", recording: "plain-recording.h5", covariance: "plain-covariance.h5",
            output: "own", "--lambda", "0.3")
        let other = try workspace.localize(
            forward: "leadfield.mat", recording: "timelock.mat", covariance: "timelock.mat", output: "ft", "--lambda",
            "0.3")
        #expect(own.status == 0 && other.status == 0, "\(own.errors) \(other.errors)")
        #expect(own.errors == other.errors)
        try expectSame("ft", "own")
    }

    @Test("Brainstorm files do too, with the channel file of the study")
    func brainstorm() throws {
        expectSuccess(try workspace.localize(output: "own", "--lambda", "0.3"))
        expectSuccess(
            try workspace.localize(
                forward: "headmodel.mat", recording: "data.mat", covariance: "noisecov.mat", output: "bst",
                "--channels", "channel.mat", "--lambda", "0.3"))
        try expectSame("bst", "own")
        let inspected = try workspace.foci("inspect", "headmodel.mat", "--channels", "channel.mat")
        #expect(inspected.output.contains("forward, Brainstorm (MATLAB 7.3)"))
        #expect(inspected.output.contains("ctf"))
        let channels = try workspace.foci("inspect", "channel.mat")
        #expect(channels.output.hasPrefix("channel.mat: Brainstorm (MATLAB 7.3)\n"))
        let alone = try workspace.foci("inspect", "headmodel.mat")
        #expect(alone.status == 2)
        #expect(alone.errors.contains("--channels FILE"))
    }

    @Test("A result is written for other programs; files that exist are left alone without --force")
    func convert() throws {
        expectSuccess(try workspace.localize(output: "own", "--lambda", "0.3"))
        let estimate = try EstimateFile.read(workspace.folder.file("own/estimate.h5"))
        for name in ["a.dip", "a.mat", "a-stc.h5"] {
            let outcome = try workspace.foci("convert", "own/estimate.h5", name)
            #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
        }
        let again = try workspace.foci("convert", "own/estimate.h5", "a.mat")
        #expect(again.status == 2 && again.errors.contains("--force"))
        #expect(try workspace.foci("convert", "own/estimate.h5", "a.mat", "--force").status == 0)
        let read = try PythonEnvironment.run(
            """
            import mat73, mne, numpy as np
            e = mat73.loadmat("a.mat")["estimate"]
            d = mne.read_dipole("a.dip", verbose="error")
            v = mne.read_source_estimate("a-stc.h5")
            # The same moments by three ways.
            assert np.isclose(np.abs(d.amplitude).max(), np.abs(v.data).max() if v.data.ndim == 2 else np.linalg.norm(v.data, axis=1).max(), rtol=1e-8)
            assert np.isclose(np.abs(np.atleast_2d(e["timecourse"])).max(), d.amplitude.max(), rtol=1e-8)
            print(len(np.atleast_1d(e["index"])), len(d.times), sum(map(len, v.vertices)), end="")
            """, in: workspace.folder.path)
        let count = estimate.sources.count
        #expect(read == "\(count) \(count * estimate.times.count) \(count)")
        let several = try workspace.foci("convert", "timelock.mat", "b.h5")
        #expect(several.status == 2 && several.errors.contains("--what"))
        #expect(try workspace.foci("convert", "timelock.mat", "b.h5", "--what", "recording").status == 0)
        #expect(try RecordingFile.read(workspace.folder.file("b.h5")).condition == "tones")
    }
}
