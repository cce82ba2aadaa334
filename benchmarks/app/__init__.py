"""The app that the workloads run; a folder that `dfcli run` can host as it is."""
