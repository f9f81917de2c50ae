@site
Feature: Prototype 1: a tree that was composed from a kickstart is installed, and works as a host does
  As somebody who tests the first prototype
  I install the workstation and the server, which a build server has composed from kickstarts
  and find what I know from any other installation

  Scenario Outline: The <kind> does what a <kind> does
    Given a host that was installed with the <kind> tree
    Then what is booted is exactly the <kind> tree
    And "systemctl is-system-running" says "running"
    And "systemctl is-active $(systemctl get-default)" says "active"
    And "systemctl get-default" says "<target>"
    And "systemctl --failed --no-legend" says nothing
    And "<program>" works
    And "rpm -q bash systemd dnf ostree" works
    # The network is up: packages are found on the build server.
    And "dnf -q repoquery --repo=world htop" says "htop-"
    And "networkctl status --no-pager 'e*'" says "routable"
    # /etc and /home can be written to, /usr cannot.
    When I run "useradd --create-home --shell /bin/bash tester && passwd -d tester && echo 'Welcome.' > /etc/motd"
    Then it works
    And "script -qec 'login -f tester' /dev/null <<< 'whoami; pwd; touch mine; ls -l mine; exit'" says "tester"
    And "stat -c %U /home/tester/mine" says "tester"
    And /usr is read-only
    And "touch /usr/share/x" fails, and says "Read-only file system"
    # Files land where one expects them.
    And "readlink /home /root /opt /srv /usr/local | xargs" says "var/home var/roothome"
    And "test -x /bin/bash && test -x /sbin/init && test -d /lib/systemd && test -e /etc/os-release" works

    Examples:
      | kind        | target            | program        |
      | workstation | graphical.target  | htop --version |
      | server      | multi-user.target | bc --version   |
