import TestSupport

/// Files of MATLAB toolboxes, written by h5py, each with the same content in the project's own layout beside it.
enum MATLABSamples {
    static let beginning = """
        import numpy as np, matfile, native
        from matfile import save, StructArray, Row
        rng = np.random.default_rng(3)

        """

    /// `timelock.mat`: an average of two channels in T/cm, one in fT, two in uV and one that is no sensor; its
    /// covariance; `trials.mat`: five trials of it.
    static let fieldTripData =
        beginning + """
            labels = ["MEG 0112", "MEG 0113", "EOG 061", "MEG 0111", "Fp1", "Fp2"]
            types = ["megplanar", "megplanar", "eog", "megmag", "eeg", "eeg"]
            units = ["T/cm", "T/cm", "V", "fT", "uV", "uV"]
            kept, factor = [0, 1, 3, 4, 5], np.array([100, 100, 1e-15, 1e-6, 1e-6])
            kinds = ["grad", "grad", "mag", "eeg", "eeg"]
            names = [labels[i] for i in kept]
            avg = rng.standard_normal((6, 11))
            time = -0.02 + np.arange(11) / 250
            root = rng.standard_normal((6, 20)); cov = root @ root.T
            timelock = {
                "avg": avg, "var": avg ** 2, "dof": np.full((6, 11), 42.0), "time": time[None], "label": labels,
                "dimord": "chan_time", "cov": cov,
                "grad": {"label": labels[:2] + labels[3:4], "chanunit": units[:2] + units[3:4],
                         "chantype": types[:2] + types[3:4], "unit": "cm"},
                "elec": {"label": Row(["Fp2", "Fp1"]), "chanunit": Row(["uV", "uV"]), "unit": "cm"},
                "hdr": {"label": labels, "chantype": types, "chanunit": units},
            }
            save("timelock.mat", {"standard": timelock})
            native.recording("timelock.h5", avg[kept] * factor[:, None], names, kinds, 250.0, -0.02, 42, "standard")
            native.covariance("cov.h5", cov[np.ix_(kept, kept)] * np.outer(factor, factor), names, kinds)
            trials = rng.standard_normal((5, 6, 11)).astype("f4")
            keep = dict(timelock, trial=trials, dimord="rpt_chan_time", chantype=types, chanunit=units)
            for field in ("avg", "var", "dof", "grad", "elec", "hdr"):
                del keep[field]
            keep["cov"] = np.stack([cov * s for s in (0.5, 1.5, 1.0)])
            save("trials.mat", {"data": keep}, compression="gzip", shuffle=True)
            native.recording("trials.h5", trials[:, kept].astype(float) * factor[:, None], names, kinds, 250.0, -0.02, 1, "data")

            """

    /// `leadfield.mat`: six positions in cm, two outside with empty cells; and variants.
    static let fieldTripForward =
        beginning + """
            labels = ["C1", "C2", "VEOG", "M1"]
            pos = rng.uniform(-7, 7, (6, 3))
            inside = np.array([1, 0, 1, 1, 0, 1], bool)
            fields = rng.standard_normal((6, 4, 3))
            cells = [fields[j] if inside[j] else np.zeros((0, 0)) for j in range(6)]
            grid = {
                "pos": pos, "inside": inside[:, None], "unit": "cm", "leadfield": Row(cells), "label": labels,
                "chanunit": ["uV", "uV", "uV", "fT"], "chantype": ["eeg", "eeg", "eog", "megmag"], "dipoleunit": "nA*m",
                "leadfielddimord": "{pos}_chan_ori", "coordsys": "ctf",
            }
            save("leadfield.mat", {"sourcemodel": grid})
            factor = np.array([1e-6, 1e-6, 1e-15])[:, None] / 1e-9
            gain = np.hstack([fields[j][[0, 1, 3]] for j in np.flatnonzero(inside)]) * factor
            native.forward("forward.h5", gain, 3, ["C1", "C2", "M1"], ["eeg", "eeg", "mag"], pos[inside] / 100, "ctf",
                           vertex=np.flatnonzero(inside))
            # All geometry in metres: SI units; positions inside as numbers, as older versions have them; one moment each.
            mom = rng.standard_normal((3, 6))
            metres = dict(grid, pos=pos / 100, unit="m", inside=np.flatnonzero(inside)[None] + 1.0, coordsys="neuromag",
                          chanunit=["V", "V", "V", "T"], mom=mom,
                          leadfield=[(fields[j] @ mom[:, j])[:, None] if inside[j] else np.zeros((0, 0)) for j in range(6)])
            del metres["dipoleunit"]
            save("metres.mat", {"leadfield": metres})
            fixed = np.stack([(fields[j] @ mom[:, j])[[0, 1, 3]] for j in np.flatnonzero(inside)], axis=1)
            native.forward("metres.h5", fixed, 1, ["C1", "C2", "M1"], ["eeg", "eeg", "mag"], pos[inside] / 100, "head",
                           normal=mom[:, inside].T, vertex=np.flatnonzero(inside))

            """

    /// `headmodel.mat`, `data.mat`, `noisecov.mat` and `channel.mat` of Brainstorm.
    static let brainstorm =
        beginning + """
            names = ["MEG0111", "MEG0112", "STI", "EEG1", "EEG2", "EEG3"]
            types = ["MEG MAG", "MEG GRAD", "Stim", "EEG", "EEG", "EEG"]
            kept, kinds = [0, 1, 3, 4, 5], ["mag", "grad", "eeg", "eeg", "eeg"]
            ssp = np.zeros((6, 3)); ssp[0:2] = rng.standard_normal((2, 3))
            off = np.zeros((6, 1)); off[0] = 1
            reference = np.eye(6); reference[3:, 3:] -= 1 / 3
            channels = StructArray([
                {"Name": n, "Type": t, "Loc": rng.standard_normal((3, 4)), "Comment": "", "Weight": np.ones((1, 4))}
                for n, t in zip(names, types)])
            save("channel.mat", {"Comment": "Neuromag", "Channel": channels, "Projector": StructArray([
                {"Comment": "blink", "Components": ssp, "CompMask": np.array([1, 0, 1.0]), "Status": 1.0, "SingVal": np.array([3, 2, 1.0])},
                {"Comment": "off", "Components": off, "CompMask": np.array([1.0]), "Status": 0.0, "SingVal": np.array([3.0])},
                {"Comment": "REF", "Components": reference, "CompMask": np.zeros((0, 0)), "Status": 1.0, "SingVal": "REF"}])})
            gain = rng.standard_normal((6, 12)); gain[2] = np.nan; gain[4] = np.nan
            loc, orient = rng.uniform(-0.07, 0.07, (4, 3)), rng.standard_normal((4, 3))
            orient /= np.linalg.norm(orient, axis=1)[:, None]
            save("headmodel.mat", {"Gain": gain, "GridLoc": loc, "GridOrient": orient, "HeadModelType": "surface",
                                   "Comment": "Overlapping spheres", "GridAtlas": np.zeros((0, 0)), "MEGMethod": "os_meg"})
            native.forward("headmodel.h5", gain[[0, 1, 3, 5]], 3, [names[i] for i in (0, 1, 3, 5)],
                           ["mag", "grad", "eeg", "eeg"], loc, "ctf", normal=orient, vertex=np.arange(4))
            F, time = rng.standard_normal((6, 31)), -0.1 + np.arange(31) / 600
            save("data.mat", {"F": F, "Time": time[None], "ChannelFlag": np.array([1, 1, 1, 1, -1, 1.0])[:, None], "nAvg": 37.0,
                              "Comment": "Avg: standard", "DataType": "recordings", "Events": np.zeros((0, 0))})
            average = np.zeros((1, 6)); average[0, 3:] = 1 / np.sqrt(3)
            projectors = np.vstack([ssp[:, [0, 2]].T, average])[:, kept]
            native.recording("data.h5", F[kept], [names[i] for i in kept], kinds, 600.0, -0.1, 37, "Avg: standard", projectors,
                             bad=[0, 0, 0, 1, 0])
            root = rng.standard_normal((6, 30)); noise = root @ root.T
            noise[2] = 0; noise[:, 2] = 0
            save("noisecov.mat", {"NoiseCov": noise, "nSamples": np.full((6, 6), 5000.0), "Comment": "Noise covariance"})
            native.covariance("noisecov.h5", noise[np.ix_(kept, kept)], [names[i] for i in kept], kinds, 5000, projectors)

            """

    /// `epochs.set`; the same with fields at the root and data in `flat.fdt`; `average.set`.
    static let eeglab =
        beginning + """
            names = ["Fz", "Cz", "HEOG", "Pz"]
            data = rng.standard_normal((4, 50, 7)).astype("f4")
            chanlocs = StructArray([{"labels": n, "type": "EOG" if n == "HEOG" else "", "X": 1.0, "theta": np.zeros((0, 0))} for n in names])
            eeg = {"setname": "oddball", "nbchan": 4.0, "pnts": 50.0, "trials": 7.0, "srate": 128.0, "xmin": -0.1, "xmax": -0.1 + 49 / 128,
                   "times": np.arange(50.0)[None] / 0.128 - 100, "data": data, "chanlocs": chanlocs, "ref": "common",
                   "etc": {"eeglabvers": "2023"}}
            save("epochs.set", {"EEG": eeg})
            data.T.astype("<f4").tofile("flat.fdt")
            save("flat.set", dict(eeg, data="flat.fdt"))
            kept = [0, 1, 3]
            expected = np.moveaxis(data[kept].astype(float) * 1e-6, 2, 0)
            native.recording("epochs.h5", expected, [names[i] for i in kept], ["eeg"] * 3, 128.0, -0.1, 1, "oddball")
            save("average.set", {"EEG": dict(eeg, data=data[:, :, 0], trials=1.0, etc={"averages": 80.0})})
            native.recording("average.h5", expected[0], [names[i] for i in kept], ["eeg"] * 3, 128.0, -0.1, 80, "oddball")

            """

    /// All of them in one folder.
    static let all = fieldTripData + fieldTripForward + brainstorm + eeglab + fieldTripAndEvents
}
