"""Recordings as users bring them: small heads, sources in noise, and what was done to the data before they came here.

`ranks`, `facts` and `recorded` write their files into the working folder.
"""

import h5py
import matfile
import mixednorm
import mne
import mnefiles
import native
import numpy as np
from mne._fiff.constants import FIFF

CENTRE = np.array([0.0, 0.0, 0.04])
ELECTRODES = "Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 Oz O2 FC1 FC2 CP1 CP2".split()
RATE = 250.0


# Heads.


def described(names, kinds, places, coils):
    """Channels at places (position and three axes each, of the device), the device 4 cm above the head's origin."""
    info = mne.create_info(list(names), RATE, list(kinds))
    for channel, place, coil in zip(info["chs"], places, coils):
        channel["loc"] = np.asarray(place, float)
        if coil is not None:
            channel["coil_type"] = coil
    trans = np.eye(4)
    trans[:3, 3] = CENTRE
    with info._unlock():
        info["dev_head_t"] = mne.transforms.Transform("meg", "head", trans)
    return info


def magnetometers(sites=16, axes=3, radius=0.11, coil=FIFF.FIFFV_COIL_POINT_MAGNETOMETER):
    """Rings of sites over the head, with a magnetometer along each of up to three axes."""
    names, places = [], []
    for k in range(sites):
        height, angle = 1 - 0.9 * (k + 0.5) / sites, 2.4 * k
        out = np.array([np.cos(angle) * np.sqrt(1 - height**2), np.sin(angle) * np.sqrt(1 - height**2), height])
        side = np.cross(out, [0.1, 0.2, 1.0])
        side /= np.linalg.norm(side)
        frame = [out, side, np.cross(out, side)]
        for axis in range(axes):
            names.append(f"M{k + 1:02d}{'RST'[axis]}")
            # The third axis of a coil is the one it measures.
            places.append(np.r_[radius * out, frame[axis - 2], frame[axis - 1], frame[axis]])
    return described(names, ["mag"] * len(names), places, [coil] * len(names))


def planar():
    """12 sites with a magnetometer and two planar gradiometers each."""
    all_kinds = mnefiles.info()
    chosen = [all_kinds["chs"][k] for k in mne.pick_types(all_kinds, meg=True)]
    kinds = ["mag" if channel["coil_type"] == FIFF.FIFFV_COIL_VV_MAG_T3 else "grad" for channel in chosen]
    names, places, coils = zip(*[(channel["ch_name"], channel["loc"], channel["coil_type"]) for channel in chosen])
    return described(names, kinds, places, coils)


def electrodes(names=ELECTRODES):
    """Electrodes of the 10-20 system on a sphere."""
    montage = mne.channels.make_standard_montage("standard_1020").get_positions()["ch_pos"]
    out = np.array([montage[name] for name in names]) - [0, 0, 0.01]
    places = 0.09 * out / np.linalg.norm(out, axis=1, keepdims=True) + CENTRE
    return described(names, ["eeg"] * len(names), np.c_[places, np.zeros((len(names), 9))], [None] * len(names))


def joined(*infos):
    """The channels of several."""
    info = mne._fiff.meas_info._merge_info(list(infos), force_update_to_first=True)
    with info._unlock():
        info["dev_head_t"] = infos[0]["dev_head_t"]
    return info


def forward_of(info):
    """Two small hemispheres in a sphere."""
    spaces = mne.SourceSpaces([mnefiles.surface(-1, 101), mnefiles.surface(1, 102)])
    for space in spaces:
        mne.source_space._source_space._add_patch_info(space)
    trans = np.eye(4)
    trans[:3, 3] = CENTRE + [0, 0, 0.01]
    trans = mne.transforms.Transform("mri", "head", trans)
    return mne.make_forward_solution(info, trans, spaces, mne.make_sphere_model(CENTRE, 0.09), mindist=0)


def fields(forward, *sources):
    """The field of each source along its normal, a column each."""
    fixed = mne.convert_forward_solution(forward, surf_ori=True, force_fixed=True)
    return fixed["sol"]["data"][:, list(sources)]


def epoch_noise(forward, rng, sensor=0.5):
    """Covariance of one epoch: some of the brain, some of each sensor; 60 nA·m of a source stand out in an average."""
    gain, kinds = forward["sol"]["data"], np.array(forward["info"].get_channel_types())
    noise = gain @ gain.T
    for kind in set(kinds):
        size = {"mag": 1e-13, "grad": 3e-12, "eeg": 5e-6}[kind] / np.sqrt(np.median(np.diag(noise)[kinds == kind]))
        noise[kinds == kind] *= size
        noise[:, kinds == kind] *= size
    deviations = np.sqrt(np.diag(noise)) * sensor * rng.uniform(0.8, 1.2, len(noise))
    return noise + np.diag(deviations**2)


def deflection(times, at):
    return np.exp(-(((times - at) / 0.02) ** 2))


def simulated(forward, rng, trials, amplitudes=(60e-9, 60e-9), sources=(15, 75), first=-50, last=50):
    """Epochs × channels × samples of two sources in noise, and their times."""
    times = np.arange(first, last + 1) / RATE
    courses = np.array([a * deflection(times, 0.09 + 0.03 * k) for k, a in enumerate(amplitudes)])
    signal = fields(forward, *sources) @ courses
    root = np.linalg.cholesky(epoch_noise(forward, rng))
    return signal + root @ rng.standard_normal((trials, *signal.shape)), times


# Data of reduced rank.


def save_ranks(name, epochs, forward):
    """Forward, average, and two covariances of its baseline: as it is, and made to be of full rank; the rank by MNE."""
    evoked = epochs.average()
    evoked.save(f"{name}-ave.fif", overwrite=True)
    plain = mne.compute_covariance(epochs, tmax=-1 / RATE, method="empirical", rank=None)
    mne.write_cov(f"{name}-empirical-cov.fif", plain, overwrite=True)
    full = plain.copy()
    kinds = np.array(epochs.get_channel_types())
    variances = np.diag(plain.data)
    level = np.array([0.1 * variances[kinds == kind].mean() for kind in kinds])
    full["data"] = plain.data + np.diag(level)
    mne.write_cov(f"{name}-regularized-cov.fif", full, overwrite=True)
    mne.write_forward_solution(f"{name}-fwd.fif", forward, overwrite=True)
    return mne.compute_rank(epochs, rank=None)


def filtered(info, forward, rng, trials=30, order=4, **options):
    """A raw recording after a Maxwell filter, epoch behind epoch, and their times; electrodes stay as they are."""
    data, times = simulated(forward, rng, trials)
    raw = mne.io.RawArray(np.hstack(list(data)), info)
    options.update(origin=CENTRE, coord_frame="head", bad_condition="ignore")
    return mne.preprocessing.maxwell_filter(raw, int_order=order, ext_order=order // 2, **options), times


def cut(raw, times):
    trials = raw.n_times // len(times)
    events = np.c_[np.arange(trials) * len(times) - round(times[0] * RATE), np.zeros(trials, int), np.ones(trials, int)]
    return mne.Epochs(raw, events, tmin=times[0], tmax=times[-1], baseline=None, preload=True)


def cleaning(forward, rng, removed=8, kept=(15, 75)):
    """What takes components away, then the mean: an oblique projection. Components of the two sources stay."""
    n = len(forward["sol"]["data"])
    mixing = np.linalg.cholesky(epoch_noise(forward, rng)) @ rng.standard_normal((n, n))
    mixing[:, removed : removed + len(kept)] = fields(forward, *kept)
    left = np.eye(n) - mixing[:, :removed] @ np.linalg.inv(mixing)[:removed]
    return (np.eye(n) - 1 / n) @ left


def ranks():
    """A recording for every way in which directions are lost, each with two covariances; solutions of MNE for them."""
    rng = np.random.default_rng(5)
    meg, eeg = magnetometers(), electrodes()
    both = joined(meg, eeg)
    forward = forward_of(meg)
    raw, times = filtered(meg, forward, rng, mag_scale=1.0)
    told = {"maxwell": "info", "projected": "info", "both": "info"}
    save_ranks("maxwell", cut(raw, times), forward)
    # A projector from the filtered data, and one from before the filter, which takes nothing that the filter left.
    inner = raw.copy().add_proj(mne.compute_proj_raw(raw, n_mag=1, n_grad=0, n_eeg=0, duration=None))
    save_ranks("projected", cut(inner, times), forward)
    vector = rng.standard_normal((1, len(raw.ch_names)))
    data = dict(nrow=1, ncol=vector.size, row_names=None, col_names=raw.ch_names, data=vector / np.linalg.norm(vector))
    room = mne.Projection(active=False, data=data, desc="empty room", kind=FIFF.FIFFV_PROJ_ITEM_FIELD)
    told["room"] = save_ranks("room", cut(raw.copy().add_proj(room), times), forward)
    forward = forward_of(both)
    raw, times = filtered(both, forward, rng, mag_scale=1.0)
    save_ranks("both", cut(raw.set_eeg_reference(projection=True), times), forward)

    # A magnetometer and two planar gradiometers at each place, as in real systems.
    forward = forward_of(planar())
    told["planar"] = "info"
    save_ranks("planar", cut(*filtered(planar(), forward, rng, order=3)), forward)

    forward = forward_of(eeg)
    data, times = simulated(forward, rng, 30)
    for name, change in (("cleaned", cleaning(forward, rng)), ("whole", np.eye(len(data[0])))):
        raw = mne.io.RawArray(np.hstack(list(change @ data)), eeg).set_eeg_reference(projection=True)
        told[name] = save_ranks(name, cut(raw, times), forward)
    # Of few independent samples, but of all directions.
    told["lowpass"] = save_ranks("lowpass", cut(raw.copy().filter(None, 12.0), times), forward)
    raw.info["bads"] = ["C3", "O2"]
    save_ranks("interpolated", cut(raw.interpolate_bads(origin=CENTRE), times), forward)
    # 24 electrodes, less two and the mean: splines keep constants. MNE estimates 22 where eigenvalues end at 21.
    told["interpolated"] = dict(eeg=21)
    return {
        f"{name}-{covariance}": mixednorm.solve(
            f"{name}-fwd.fif", f"{name}-ave.fif", f"{name}-{covariance}-cov.fif", rank=rank, window=(0.03, 0.16))
        for name, rank in told.items() for covariance in ("empirical", "regularized")
    }  # fmt: skip


# Facts that a file states, or that its numbers do.


class Average:
    """The average of some epochs at electrodes, in every form that a test wants it in."""

    def __init__(self, forward, rng, trials=36, **options):
        self.forward, self.rng, self.trials = forward, rng, trials
        self.names = forward["sol"]["row_names"]
        self.kinds = forward["info"].get_channel_types()
        self.epochs, self.times = simulated(forward, rng, trials, **options)
        self.data = self.epochs.mean(0)
        base = self.epochs[:, :, self.times < -1e-9]
        base = base - base.mean(2, keepdims=True)
        self.noise = np.einsum("eit,ejt->ij", base, base) / (len(base) * (base.shape[2] - 1))

    def save(self, name, data=None, names=None, averages=None, first=None, **options):
        data = self.data if data is None else data
        first = self.times[0] if first is None else first
        averages = averages or self.trials
        native.recording(f"{name}.h5", data, names or self.names, self.kinds, RATE, first, averages, name, **options)

    def save_noise(self, name, noise=None, names=None, **options):
        native.covariance(
            f"{name}-cov.h5", self.noise if noise is None else noise, names or self.names, self.kinds, 1800, **options)

    def save_changed(self, name, change, **options):
        """Data and noise after a linear change of the channels."""
        self.save(name, change @ self.data, **options)
        self.save_noise(name, change @ self.noise @ change.T)


def facts():
    """Small recordings for the facts that decide what is right; each is told in the test that reads it."""
    rng = np.random.default_rng(3)
    info = electrodes()
    forward = forward_of(info)
    mne.write_forward_solution("eeg-fwd.fif", forward)
    average = Average(forward, rng)
    average.save("plain")
    average.save_noise("plain")
    references(average)
    conditions(average, info)
    toolboxes(average)
    counts(average, info)
    holes(average)
    names(average)
    precision(average)
    # Times, offsets.
    offset = 3e-5 * rng.standard_normal((len(average.names), 1))
    average.save("offset", average.data + offset)
    average.save("corrected", average.data - average.data[:, average.times < -1e-9].mean(1, keepdims=True))
    average.save("before", average.data[:, 50:], first=-0.25)
    devices(rng)


def references(average):
    """The same potentials against other references; an electrode without contact."""
    n = len(average.names)
    mean = np.eye(n) - 1 / n
    cz = np.eye(n)
    cz[:, average.names.index("Cz")] -= 1
    ears = np.eye(n)
    ears[:, [average.names.index("T7"), average.names.index("T8")]] -= 0.5
    for name, change in (("average", mean), ("zero", cz), ("ears", ears)):
        average.save_changed(name, change)
    dead = mean.copy()
    dead[average.names.index("O2")] = 0
    average.save_changed("dead", dead)
    average.save("dead-marked", dead @ average.data, bad=[name == "O2" for name in average.names])
    # Cz is not among the channels, as amplifiers store it.
    rest = [k for k, name in enumerate(average.names) if name != "Cz"]
    names, kinds = [average.names[k] for k in rest], [average.kinds[k] for k in rest]
    for name, change in (("unstored", cz[rest]), ("others", (np.eye(n - 1) - 1 / (n - 1)) @ np.eye(n)[rest])):
        data = change @ average.data
        native.recording(f"{name}.h5", data, names, kinds, RATE, average.times[0], average.trials, name)
        native.covariance(f"{name}-cov.h5", change @ average.noise @ change.T, names, kinds, 1800)


def conditions(average, info):
    """Tones from one source, flashes from another."""
    rng, forward = average.rng, average.forward
    tones, times = simulated(forward, rng, 12, (60e-9,), (15,))
    flashes, _ = simulated(forward, rng, 8, (-60e-9,), (75,))
    evokeds = [
        mne.EvokedArray(e.mean(0), info, times[0], nave=len(e), comment=name)
        for e, name in ((tones, "tone"), (flashes, "flash"))
    ]
    mne.write_evokeds("two-ave.fif", evokeds)
    both = mne.combine_evoked(mne.read_evokeds("two-ave.fif"), "nave")
    native.recording("both.h5", both.data, average.names, average.kinds, RATE, times[0], both.nave, "both")
    # The file says what is what in the ways of different versions and habits.
    order = [("tone", e) for e in tones]
    for k, e in enumerate(flashes):
        order.insert(2 * k + 1, ("flash", e))
    kinds = [kind for kind, _ in order]
    stack = 1e6 * np.stack([e for _, e in order], 2)
    eeglab("epoch.set", stack, times, epoch=matfile.StructArray(dict(eventtype=k, eventlatency=0.0) for k in kinds))
    # A key is pressed 0.1 s after; codes are numbers.
    codes = [{"tone": 11.0, "flash": 12.0}[k] for k in kinds]
    eeglab("coded.set", stack, times, epoch=matfile.StructArray(
        dict(eventtype=[99.0, c], eventlatency=[100.0, 0.0]) for c in codes))  # fmt: skip
    events = [dict(type=k, latency=float(i * len(times) + 51), epoch=i + 1.0) for i, k in enumerate(kinds)]
    eeglab("event.set", stack, times, event=matfile.StructArray(events))
    eeglab("tones.set", stack[:, :, [k == "tone" for k in kinds]], times)


def eeglab(path, data, times, **options):
    matfile.save(path, {"EEG": dict(
        setname="tones and flashes", nbchan=float(len(data)), trials=float(data.shape[2]), pnts=float(len(times)),
        srate=RATE, xmin=times[0], xmax=times[-1], times=1e3 * times, data=data.astype("f4"), ref="common",
        chanlocs=matfile.StructArray(dict(labels=name, type="EEG") for name in ELECTRODES), **options)})  # fmt: skip


def toolboxes(average):
    """FieldTrip and Brainstorm structures."""
    n, t = len(average.names), len(average.times)
    elec = dict(label=average.names, chanunit=["V"] * n, chantype=["eeg"] * n, unit="mm", coordsys="neuromag")
    hdr = dict(label=average.names, chanunit=["uV"] * n, chantype=["eeg"] * n)
    base = dict(time=average.times, label=average.names, dimord="chan_time", elec=elec)
    whole = dict(avg=1e6 * average.data, dof=np.full((n, t), 36.0), cov=1e12 * average.noise, hdr=hdr)
    matfile.save("microvolt.mat", {"timelock": base | whole})
    # Of a size that tells nothing.
    milli = dict(avg=1e3 * average.data, cov=1e6 * average.noise, hdr=hdr | dict(chanunit=["mV"] * n))
    matfile.save("millivolt.mat", {"timelock": base | whole | milli})
    del milli["hdr"], whole["hdr"]
    matfile.save("headless.mat", {"timelock": base | whole | milli})
    # Trials end at different times: fewer the later, none after 0.18 s; none in the first tenth of a second.
    dof, avg = whole["dof"].copy(), whole["avg"].copy()
    dof[:, average.times > 0.1] = 20
    dof[:, (average.times > 0.18) | (average.times < -0.1)] = 0
    avg[dof == 0] = np.nan
    matfile.save("lengths.mat", {"timelock": base | whole | dict(avg=avg, dof=dof, hdr=hdr)})
    trials = [1e6 * epoch for epoch in average.epochs[:3]]
    raw = dict(trial=trials, time=[average.times] * 3, label=average.names, fsample=RATE, elec=elec, hdr=hdr)
    matfile.save("raw.mat", {"data": raw})
    matfile.save("channel.mat", {"Channel": matfile.StructArray(dict(Name=name, Type="EEG") for name in average.names)})
    matfile.save("noise.mat", {"NoiseCov": average.noise, "nSamples": 1800.0})
    flags = np.ones((n, 1))
    for name, numbers in (("effective", dict(nAvg=80.0, Leff=36.0)), ("ineffective", dict(nAvg=36.0, Leff=0.0)),
                          ("counted", dict(nAvg=36.0))):  # fmt: skip
        data = dict(F=average.data, Time=average.times, ChannelFlag=flags, Comment=name, DataType="recordings")
        matfile.save(f"{name}.mat", data | numbers)
    # Packed as only h5py reads it.
    average.save("packed")
    with h5py.File("packed.h5", "a") as file:
        del file["data"]
        file.create_dataset("data", data=average.data, compression="lzf")


def counts(average, info):
    """Differences of averages, whose number of trials FIF cannot hold."""
    parts = [mne.EvokedArray(sign * average.data, info, average.times[0], nave=1) for sign in (0.5, -0.5)]
    difference = mne.combine_evoked(parts, [1, -1])
    difference.save("difference-ave.fif")
    difference.copy().crop(0, None).save("cropped-ave.fif")
    for name in ("difference", "cropped"):
        assert mne.read_evokeds(f"{name}-ave.fif", 0).nave == 0
    average.save("half", averages=0.5)


def holes(average):
    """NaN where nobody looks, and where somebody does."""
    bad = [name in ("F7", "P8") for name in average.names]
    rest = [name for name, is_bad in zip(average.names, bad) if not is_bad]
    holes = average.data.copy()
    holes[bad] = np.nan
    average.save("hollow", holes)
    average.save("marked", average.data, bad=bad)
    forward = average.forward.copy()
    forward["info"]["bads"] = [name for name in average.names if name not in rest]
    mne.write_forward_solution("marked-fwd.fif", forward)
    mne.write_forward_solution("rest-fwd.fif", mne.pick_channels_forward(average.forward, rest))
    noise = average.noise.copy()
    noise[bad] = noise[:, bad] = np.nan
    average.save_noise("hollow", noise)
    outside = average.data.copy()
    outside[:, average.times > 0.17] = np.nan
    average.save("outside", outside)
    # An eye channel is none of the forward's.
    names = average.names + ["HEOG"]
    data = np.r_[average.data, np.full((1, len(average.times)), np.nan)]
    native.recording("eye.h5", data, names, average.kinds + ["eeg"], RATE, average.times[0], average.trials, "eye")
    used = average.data.copy()
    used[3, 70] = np.nan
    average.save("used", used)


def names(average):
    """The same channels by other names."""
    for name, rename in (("upper", str.upper), ("edf", "EEG {}-Ref".format), ("serial", "{}-2908".format)):
        renamed = [rename(c) for c in average.names]
        average.save(name, names=renamed)
        average.save_noise(name, names=renamed)
    # Two that could be Fp1.
    twice = [{"Fp2": "fp1", "Fp1": "FP1"}.get(c, c) for c in average.names]
    average.save("twice", names=twice)
    average.save_noise("twice", names=twice)


def precision(average):
    """Cleaned of components; the covariance with single precision, too."""
    change = cleaning(average.forward, average.rng)
    average.save_changed("cleaned", change)
    noise = change @ average.noise @ change.T
    average.save_noise("cleaned32", noise.astype("f4"))


def devices(rng):
    """MEG: software gradients, and a head that moved."""
    info = magnetometers(30, 1, coil=FIFF.FIFFV_COIL_CTF_GRAD)
    forward = forward_of(info)
    average = Average(forward, rng)
    mne.write_forward_solution("meg-fwd.fif", forward)
    average.save_noise("meg")
    graded, moved = info.copy(), info.copy()
    for channel in graded["chs"]:
        channel["coil_type"] = FIFF.FIFFV_COIL_CTF_GRAD | 2 << 16
    trans = info["dev_head_t"]["trans"] @ mne.transforms.translation(0.003, 0, 0.004)
    trans = trans @ mne.transforms.rotation(0, 0, 0.1)
    with moved._unlock():
        moved["dev_head_t"] = mne.transforms.Transform("meg", "head", trans)
    for name, own in (("meg", info), ("graded", graded), ("moved", moved)):
        mne.EvokedArray(average.data, own, average.times[0], nave=average.trials).save(f"{name}-ave.fif")


# A whole recording.


def recorded():
    """Raw data of tones and flashes with triggers, blinks, a bad stretch; averages by MNE, and of how many epochs."""
    rng = np.random.default_rng(8)
    meg, eeg = magnetometers(16, 2), electrodes()
    sensors = joined(meg, eeg)
    forward = forward_of(sensors)
    info = joined(meg, eeg, described(["STI 014"], ["stim"], [np.zeros(12)], [None]))
    onsets = 20 + np.cumsum(rng.integers(130, 170, 48))
    codes = np.where(np.arange(48) % 3 == 2, 2, 1)
    noise = epoch_noise(forward, rng)
    data = np.zeros((len(info["chs"]), onsets[-1] + 60))
    data[:-1] = np.linalg.cholesky(noise) @ rng.standard_normal((len(noise), data.shape[1]))
    times = np.arange(-30, 60) / RATE
    for onset, code in zip(onsets, codes):
        part = slice(onset - 30, onset + 60)
        data[:-1, part] += fields(forward, {1: 15, 2: 75}[code]) * 80e-9 * deflection(times, 0.1)
        data[-1, onset : onset + 5] = code
    frontal, first = [info["ch_names"].index(name) for name in ("Fp1", "Fp2")], info["ch_names"].index("M03R")
    for k in (4, 10, 17):
        data[frontal, onsets[k] + 20 : onsets[k] + 50] += 2e-4
    data[first, onsets[30] + 5] += 3e-11
    # The recording was started 400 samples before it was saved.
    raw = mne.io.RawArray(data, info, first_samp=400).set_eeg_reference(projection=True)
    raw.set_annotations(mne.Annotations(onsets[25] / RATE, 0.1, "BAD movement"))
    raw.save("tones-raw.fif", fmt="double")
    mne.write_forward_solution("tones-fwd.fif", forward)
    events = mne.find_events(raw, "STI 014")
    mne.write_events("tones-eve.fif", events)
    mne.write_events("tones.eve", events)
    with open("events.tsv", "w") as file:
        file.write("onset\tduration\ttrial_type\n")
        for sample, _, code in events:
            file.write(f"{(sample - 400) / RATE:.3f}\t0\t{('tone', 'flash')[code - 1]}\n")
    reject = dict(eeg=150e-6, mag=2e-11)
    kept = {}
    for name, code, tmin, tmax, limits in (
        ("tone", 1, -0.2, 0.3, reject), ("flash", 2, -0.2, 0.3, reject), ("short", 1, -0.1, 0.2, reject),
        ("all", 1, -0.2, 0.3, None),
    ):  # fmt: skip
        epochs = mne.Epochs(raw, events, code, tmin, tmax, baseline=None, reject=limits, preload=True)
        kept[name] = len(epochs)
        epochs.average().save(f"{name}-ave.fif")
    both = mne.Epochs(raw, events, [1, 2], -0.2, 0.3, baseline=None, reject=reject, preload=True)
    mne.write_cov("tones-cov.fif", mne.compute_covariance(both, tmax=-1 / RATE, method="empirical", rank="info"))
    faults(mne.read_evokeds("tone-ave.fif", 0), forward)
    return kept


def faults(evoked, forward):
    """An average with something off, a file each."""
    turned, graded = evoked.copy(), evoked.copy()
    with turned.info._unlock():
        trans = evoked.info["dev_head_t"]["trans"] @ mne.transforms.translation(0, 0.007, 0)
        turned.info["dev_head_t"] = mne.transforms.Transform("meg", "head", trans)
    turned.save("turned-ave.fif")
    mne._fiff.compensator.set_current_comp(graded.info, 3)
    graded.save("graded-ave.fif")
    for name, channels, change in (
        ("microvolt", ELECTRODES, lambda data: 1e6 * data), ("flat", ["M02R"], lambda data: 0 * data),
        ("hollow", ["Cz"], lambda data: np.nan * data),
    ):  # fmt: skip
        changed = evoked.copy()
        rows = [changed.ch_names.index(channel) for channel in channels]
        changed.data[rows] = change(changed.data[rows])
        changed.save(f"{name}-ave.fif")
    rest = [name for name in forward["sol"]["row_names"] if name not in ("Fp1", "Fp2")]
    mne.write_forward_solution("few-fwd.fif", mne.pick_channels_forward(forward, rest))
