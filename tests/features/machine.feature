@site
Feature: What only a machine that really boots can show
  As somebody who depends on a host
  I get a new kernel by dnf, choose in the boot menu, and pull the plug

  Scenario: A new kernel is installed by dnf, booted, and rolled back
    Given a host that was installed with the server tree
    And the repository "kernels" of the build server
    Then the kernel of what is booted is not the newer one
    When I run "dnf -y upgrade 'linux-image-*'"
    Then it ends well
    And it says "Staged deployment"
    When the host reboots
    Then the kernel of what is booted is the newer one
    And "systemctl is-system-running" says "running"
    And "cat /proc/cmdline" says "root=LABEL=root rw"
    And "modprobe dummy && lsmod" says "dummy"
    When I run "dnf -y rollback"
    And the host reboots
    Then the kernel of what is booted is not the newer one
    And what is booted is exactly the server tree

  Scenario: The boot menu offers the deployment before
    Given a host that was installed with the server tree
    When I run "dnf -y install htop"
    And the host reboots
    Then "htop --version" works
    And "findmnt --noheadings --output OPTIONS /sysroot" says "ro"
    When entry 2 of the boot menu is chosen
    Then the program "htop" is not there
    And what is booted is exactly the server tree
    And "dnf status" says "● 1 world trees:world/12/x86_64/server (booted)"
    # It was chosen for once.
    When the host reboots
    Then "htop --version" works

  Scenario: The plug is pulled before the shutdown
    Given a host that was installed with the server tree
    When I run "dnf -y install htop"
    And the power is cut
    Then the program "htop" is not there
    And "systemctl is-system-running" says "running"
    And "ostree fsck --quiet" works
    When I run "dnf -y install htop"
    Then it ends well
