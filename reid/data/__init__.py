"""Labelled person crops: data sets, manifests, folders, and crops cut from tracking ground truth."""
