"""What a Mac's tools print, with figures of our own in the shapes of real machines."""

from __future__ import annotations

import json

POWERMETRICS = b"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
<key>is_delta</key><true/>
<key>elapsed_ns</key><integer>5012345678</integer>
<key>hw_model</key><string>Mac16,10</string>
<key>timestamp</key><date>2026-03-02T08:15:00Z</date>
<key>processor</key>
<dict>
<key>clusters</key>
<array>
<dict><key>name</key><string>E-Cluster</string><key>freq_hz</key><real>1.2e+09</real></dict>
<dict><key>name</key><string>P0-Cluster</string><key>freq_hz</key><real>3.9e+09</real></dict>
</array>
<key>cpu_power</key><real>9500.5</real>
<key>gpu_power</key><real>14200.25</real>
<key>ane_power</key><real>0</real>
<key>combined_power</key><real>23700.75</real>
</dict>
<key>thermal_pressure</key><string>Moderate</string>
<key>gpu</key>
<dict><key>freq_hz</key><real>1398.5</real></dict>
</dict>
</plist>
"""

MACMON_OLD = json.dumps(
    {
        "temp": {"cpu_temp_avg": 61.25, "gpu_temp_avg": 58.5},
        "memory": {"ram_total": 25769803776, "ram_usage": 1, "swap_total": 0, "swap_usage": 0},
        "ecpu_usage": [1210, 0.1],
        "pcpu_usage": [4400, 0.9],
        "gpu_usage": [1400, 0.8],
        "cpu_power": 11.5,
        "gpu_power": 14.0,
        "ane_power": 0.0,
        "all_power": 25.5,
        "sys_power": 38.75,
        "ram_power": 1.5,
        "gpu_ram_power": 0.0,
    }
)
"""0.4 and 0.5: no timestamp, no fans."""

MACMON = json.dumps(
    {
        **json.loads(MACMON_OLD),
        "timestamp": "2026-03-02T08:15:00.000001+00:00",
        "fans": [{"name": "fan0", "rpm": 1750, "max_rpm": 4900}],
        "pcpu_cores": [{"core_id": 0, "die_id": 0, "freq_mhz": 4400, "active_ratio": 0.9}],
    }
)
"""0.8."""

ISMC_TEMPERATURES = json.dumps(
    {
        "CPU Performance Core 1": {
            "key": "Tp01",
            "type": "flt",
            "value": "71.5 °C",
            "quantity": 71.5,
            "unit": "°C",
        },
        "CPU Performance Core 2": {
            "key": "Tp05",
            "type": "flt",
            "value": "73.2 °C",
            "quantity": 73.2,
            "unit": "°C",
        },
        "CPU Efficiency Core 1": {
            "key": "Te05",
            "type": "flt",
            "value": "80.0 °C",
            "quantity": 80.0,
            "unit": "°C",
        },
        "Power Supply 1": {"key": "TPSD", "type": "flt", "value": "90 °C", "quantity": 90, "unit": "°C"},
        "CPU Performance Core 9": {
            "key": "Tp0Z",
            "type": "flt",
            "value": "0 °C",
            "quantity": 0,
            "unit": "°C",
        },
        "PMU tdie1": {"key": "", "type": "hid", "value": "75 °C", "quantity": 75, "unit": "°C"},
    }
)

ISMC_FANS = json.dumps(
    {
        "Fan 1 Current Speed": {
            "key": "F0Ac",
            "type": "flt",
            "value": "1003 rpm",
            "quantity": 1003,
            "unit": "rpm",
        },
        "Fan 1 Maximum Speed": {
            "key": "F0Mx",
            "type": "flt",
            "value": "4900 rpm",
            "quantity": 4900,
            "unit": "rpm",
        },
        "Fan 2 Current Speed": {
            "key": "F1Ac",
            "type": "flt",
            "value": "1120 rpm",
            "quantity": 1120,
            "unit": "rpm",
        },
        "Fan Count": {"key": "FNum", "type": "ui8", "value": "2"},
    }
)

VM_STAT = """Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                                 1000.
Pages active:                             690385.
Pages inactive:                             2000.
Pages speculative:                           300.
Pages throttled:                               0.
Pages wired down:                         420751.
Pages purgeable:                              40.
"Translation faults":                 6597766653.
Pages copy-on-write:                   180737980.
Pages stored in compressor:               490201.
Pages occupied by compressor:             257278.
Decompressions:                          7174110.
Swapins:                                      70.
Swapouts:                                     80.
"""

VM_STAT_TAGGED = (
    VM_STAT
    + """Pages tagged:                             198076.
Pages tag-storage non-tag wired:               8.
Bytes of compressed tags:                1935104.
Tagged decompressions:                  10256491.
"""
)
"""Of chips with memory tagging."""

SYSCTL = """hw.memsize: 34359738368
vm.swapusage: total = 14336.00M  used = 1024.50M  free = 13311.50M  (encrypted)
kern.memorystatus_vm_pressure_level: 2
"""

SYSCTL_MACHINE = "hw.optional.arm64: 1\nkern.hv_vmm_present: 0\n"

IOREG = """+-o AGXAcceleratorG16G  <class AGXAcceleratorG16G, id 0x1000009a1, registered, matched, active>
    {
      "model" = "Apple M4"
      "PerformanceStatistics" = {"In use system memory (driver)"=0,"Alloc system memory"=14511046656,\
"Device Utilization %"=34,"In use system memory"=7688503296}
    }
"""

NOTIFYUTIL = "com.apple.system.thermalpressurelevel 1\n"
