"""Parsers of what macOS and Linux print of themselves."""

from __future__ import annotations

from node_scripts.agent.host import (
    available_from_vm_stat,
    bytes_from_meminfo,
    chip_from_cpuinfo,
    fields_from_sysctl,
    linux_facts,
    mac_facts,
    name_from_os_release,
)

VM_STAT = """Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                                4410.
Pages active:                            690385.
Pages inactive:                          688784.
Pages speculative:                          879.
Pages throttled:                              0.
Pages wired down:                        420751.
Pages purgeable:                          18868.
"Translation faults":                6597766653.
Pages copy-on-write:                  180737980.
Pages stored in compressor:              490201.
Swapouts:                                     0.
"""
TAGGING = """Pages tagged:                                 198076.
Pages tag-storage free:                         3707.
Bytes of compressed tags:                    1935104.
"""


def test_available_memory_is_free_inactive_speculative_and_purgeable() -> None:
    """In bytes, by the page size of the header."""
    assert available_from_vm_stat(VM_STAT) == 16384 * (4410 + 688784 + 879 + 18868)


def test_the_lines_of_memory_tagging_change_nothing() -> None:
    """Newer chips print more."""
    assert available_from_vm_stat(VM_STAT + TAGGING) == available_from_vm_stat(VM_STAT)


def test_what_is_not_vm_stat_is_unknown() -> None:
    """None, never 0."""
    assert available_from_vm_stat("") is None
    assert available_from_vm_stat("Mach Virtual Memory Statistics: (page size of 16384 bytes)\n") is None


def test_a_macs_facts() -> None:
    """From sysctl, sw_vers and vm_stat, by absolute paths."""
    answers = {
        "/usr/sbin/sysctl": "hw.memsize: 34359738368\nmachdep.cpu.brand_string: Apple M4 Pro\n",
        "/usr/bin/sw_vers": "15.6\n",
        "/usr/bin/vm_stat": VM_STAT,
    }
    assert mac_facts(lambda command: answers[command[0]]) == {
        "chip": "Apple M4 Pro",
        "os_version": "macOS 15.6",
        "memory_bytes": 34359738368,
        "memory_available_bytes": 16384 * (4410 + 688784 + 879 + 18868),
    }


def test_a_mac_that_says_nothing_is_unknown() -> None:
    """Each value by itself."""
    assert set(mac_facts(lambda _command: None).values()) == {None}


def test_sysctl_lines() -> None:
    """Names that the system lacks are simply absent with -i."""
    assert fields_from_sysctl("hw.model: Mac16,11\niogpu.wired_limit_mb: 0\n") == {
        "hw.model": "Mac16,11",
        "iogpu.wired_limit_mb": "0",
    }


def test_linux() -> None:
    """Memory in kB, the processor's name, the distribution's name."""
    files = {
        "/proc/meminfo": "MemTotal:       24684092 kB\nMemFree: 1 kB\nMemAvailable:   24000000 kB\n",
        "/proc/cpuinfo": "processor\t: 0\nmodel name\t: AMD EPYC\n",
        "/etc/os-release": 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    }
    assert linux_facts(lambda path: files[path]) == {
        "chip": "AMD EPYC",
        "os_version": "Debian GNU/Linux 12 (bookworm)",
        "memory_bytes": 24684092 * 1024,
        "memory_available_bytes": 24000000 * 1024,
    }


def test_linux_without_these_files() -> None:
    """A container may hide them."""
    assert bytes_from_meminfo("") == {}
    assert chip_from_cpuinfo("processor: 0\nBogoMIPS: 48.00\n") is None
    assert name_from_os_release("ID=x\n") is None
