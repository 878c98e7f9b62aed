"""Power meters: smart plugs and rack PDUs, which see the whole machine."""
